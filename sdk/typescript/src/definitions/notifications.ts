import { isObject, itemsOf, member, stripped, withMembers, type Json, type JsonObject, type Place } from "./json.js";
import { stepsOf, type Graph } from "./outline.js";

/** The one root of a notification's templates. */
export const EVENT = "event";

const MAIL = "email";
const SLACK = "slack";
const API = "api";
const ADDRESS = /^[^@\s{}]+@[^@\s{}]+$/;
const MAIL_WORDS = ["mail", "smtp"] as const;
const WEB = /^https?:\/\//;
const SHORT: readonly string[] = ["channel", "channels", "recipient", "recipients", "message", "text", "subject"];
const HOOKS: readonly string[] = [
  ...["onStart", "onComplete", "onError"],
  ...["onTaskCreated", "onTaskWarning", "onTaskBreached", "onTaskEscalated"],
];
/** What is said where the document does not say it: templates of the server's; here only that they are texts counts. */
const MESSAGE = { subject: "{{event.type}}", text: "{{event.type}}" } as const;

/** A notification of a document: whose it is, in words, what it is, and where it stands. */
export interface PlacedNotification {
  readonly who: string;
  readonly notification: JsonObject;
  readonly place: Place;
}

/** Whom to reach over what. */
interface Ways {
  readonly channels: readonly string[];
  readonly recipients: readonly string[];
}

interface Message {
  readonly subject: string;
  readonly text: string;
}

/** `settings.notifications` in the present form. `channels` and `recipients` have gone into the hooks. */
export function inPresentForm(notifications: JsonObject): JsonObject {
  const shared = { channels: wordsOf(member(notifications, "channels")), recipients: wordsOf(member(notifications, "recipients")) };
  const entries = Object.entries(notifications).flatMap(([name, value]): (readonly [string, Json])[] => {
    if (HOOKS.includes(name)) return [[name, hook(value, shared)]];
    const isShared = name === "channels" || name === "recipients";
    return isShared && (typeof value === "string" || typeof value === "boolean" || Array.isArray(value)) ? [] : [[name, value]];
  });
  return Object.fromEntries(entries);
}

/** A level of escalation whose `notification` is in the present form; its assignees are the recipients. */
export function levelInPresentForm(level: JsonObject): JsonObject {
  const notification = member(level, "notification");
  if (notification === undefined) return level;
  const recipients = wordsOf(member(level, "assignees")).filter(isReachable);
  return withMembers(level, { notification: hook(notification, { channels: [], recipients }) });
}

/** Every notification of a document in the present form. */
export function notificationsOf(document: JsonObject, graphs: readonly Graph[]): readonly PlacedNotification[] {
  const hooks = member(member(document, "settings"), "notifications");
  const own = Object.entries(isObject(hooks) ? hooks : {}).flatMap(([name, value]) =>
    placed(`Notification '${name}'`, value, ["settings", "notifications", name]),
  );
  const ofSteps = graphs.flatMap(stepsOf).flatMap((node) => {
    const levels = member(node.step, "type") === "human" ? itemsOf(member(node.config, "escalation")) : [];
    return levels.flatMap((level, index) => {
      const place = [...node.place, "config", "escalation", index, "notification"];
      return placed(`A notification of step '${node.id}'`, member(level, "notification"), place);
    });
  });
  return [...own, ...ofSteps];
}

/** Levels of escalation without their notifications, whose templates see only `event`. */
export function withoutNotifications(levels: Json | undefined): Json | undefined {
  if (!Array.isArray(levels)) return levels;
  return levels.map((level: Json) => (member(level, "notification") === undefined ? level : withMembers(level as JsonObject, { notification: null })));
}

function placed(who: string, value: Json | undefined, place: Place): readonly PlacedNotification[] {
  if (isObject(value)) return [{ who, notification: value, place }];
  return itemsOf(value).flatMap((one, index) => (isObject(one) ? [{ who, notification: one, place: [...place, index] }] : []));
}

function hook(value: Json, shared: Ways): Json {
  if (value === true) return toldOrTrue(shared, MESSAGE);
  if (typeof value === "string") return told(over(waysOf(value), shared), MESSAGE);
  if (Array.isArray(value)) return hooks(value, shared);
  if (!isObject(value)) return value;
  const names = Object.keys(value);
  return names.length > 0 && names.every((name) => SHORT.includes(name)) ? short(value, shared) : value;
}

function hooks(values: readonly Json[], shared: Ways): Json {
  const said = values.filter(isObject).map((one) => hook(one, shared)).flat();
  const words = values.filter((one) => typeof one === "string");
  const rest = values.filter((one) => !isObject(one) && typeof one !== "string");
  return [...said, ...(words.length > 0 ? told(over(waysOf(words), shared), MESSAGE) : []), ...rest];
}

/** `{channels, recipients, message}`: its own words count before the shared ones. */
function short(value: JsonObject, shared: Ways): Json {
  const channels = wordsOf(member(value, "channels") ?? member(value, "channel"));
  const recipients = wordsOf(member(value, "recipients") ?? member(value, "recipient"));
  const [subject, text] = [member(value, "subject"), member(value, "text") ?? member(value, "message")];
  return toldOrTrue(over({ channels, recipients }, shared), {
    subject: typeof subject === "string" ? subject : MESSAGE.subject,
    text: typeof text === "string" ? text : MESSAGE.text,
  });
}

function over(own: Ways, shared: Ways): Ways {
  return {
    channels: own.channels.length > 0 ? own.channels : shared.channels,
    recipients: own.recipients.length > 0 ? own.recipients : shared.recipients,
  };
}

/** Words of a hook: those that can be written to are recipients, the others channels. */
function waysOf(words: Json): Ways {
  const found = wordsOf(words);
  return { channels: found.filter((word) => !isReachable(word)), recipients: found.filter(isReachable) };
}

function toldOrTrue(ways: Ways, message: Message): Json {
  const found = told(ways, message);
  return found.length > 0 ? found : true;
}

/** One notification for each way, and each word that leads nowhere. */
function told(ways: Ways, message: Message): readonly JsonObject[] {
  const people = ways.recipients.filter((word) => ADDRESS.test(word));
  const rooms = ways.recipients.filter((word) => word.startsWith("#"));
  const mail = ways.channels.filter((word) => MAIL_WORDS.some((part) => word.toLowerCase().includes(part)));
  const posts = ways.channels.filter((word) => word.toLowerCase().includes(SLACK) && !mail.includes(word));
  const mails = mail.length > 0 || people.length === 0 ? mail : [MAIL];
  const slacks = posts.length > 0 || rooms.length === 0 ? posts : [SLACK];
  const others = ways.recipients.filter((word) => WEB.test(word) || (!people.includes(word) && !rooms.includes(word)));
  return [
    ...mails.map((name) => (people.length > 0 ? letter(name, people, message) : { channel: name })),
    ...slacks.flatMap((name) => (rooms.length > 0 ? rooms : [undefined]).map((room) => post(name, room, message))),
    ...others.map((word) => (WEB.test(word) ? call(word) : { recipient: word })),
    ...ways.channels
      .filter((word) => !mail.includes(word) && !posts.includes(word))
      .map((word) => (WEB.test(word) ? call(word) : { channel: word })),
  ];
}

function letter(connection: string, people: readonly string[], message: Message): JsonObject {
  return { actionType: MAIL, actionConfig: { connection, to: people, ...message } };
}

function post(connection: string, channel: string | undefined, { text }: Message): JsonObject {
  return { actionType: SLACK, actionConfig: { connection, text, ...(channel !== undefined && { channel }) } };
}

function call(url: string): JsonObject {
  return { actionType: API, actionConfig: { method: "POST", url, body: "{{event}}" } };
}

function isReachable(word: string): boolean {
  return word.startsWith("#") || WEB.test(word) || ADDRESS.test(word);
}

function wordsOf(value: Json | undefined): readonly string[] {
  const words = typeof value === "string" ? [value] : itemsOf(value).filter((one) => typeof one === "string");
  return [...new Set(words.map(stripped).filter((word) => word !== ""))];
}
