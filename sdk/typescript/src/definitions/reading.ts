import { fault, MAX_FAULTS, type DefinitionFault } from "./faults.js";
import { isObject, pointer, type Json, type Place } from "./json.js";
import { MAX_DEPTH, survey } from "./limits.js";

/** A JSON text that has been read: its value, and what the text itself breaks. */
export interface Reading {
  readonly document: Json;
  readonly faults: readonly DefinitionFault[];
}

/**
 * Reads a JSON text as the server does: no member twice, depth, size, characters and numbers within their limits.
 *
 * @throws SyntaxError it is not JSON.
 */
export function readDefinition(text: string): Reading {
  const document = JSON.parse(text) as Json;
  const found = survey(document);
  const doubles = found.isReadable ? new Doubles(text).find() : [];
  return { document, faults: [...found.faults, ...doubles].slice(0, MAX_FAULTS) };
}

/** Faults of a value that came from no text. */
export function asWritten(document: unknown): Json {
  const text = JSON.stringify(document);
  if (text === undefined) throw new TypeError("A definition is a JSON value.");
  return JSON.parse(text) as Json;
}

const STRING = /"(?:[^"\\]|\\.)*"/y;
const PLAIN = /[^\s,:[\]{}"]+/y;

/** Finds members that stand twice, in a text that is known to be JSON. */
class Doubles {
  readonly #found: DefinitionFault[] = [];
  #at = 0;

  constructor(private readonly text: string) {}

  find(): readonly DefinitionFault[] {
    this.#value([]);
    return this.#found;
  }

  #value(place: Place): void {
    const first = this.#next();
    if (first === "{") this.#object(place);
    else if (first === "[") this.#array(place);
    else this.#taken(first === '"' ? STRING : PLAIN);
  }

  #object(place: Place): void {
    const seen = new Set<string>();
    this.#at += 1;
    while (this.#next() !== "}") {
      const name = JSON.parse(this.#taken(STRING)) as string;
      const here = [...place, name];
      if (seen.has(name)) {
        this.#found.push(fault("document.duplicate_member", pointer(...here), `The member '${name}' stands here twice.`));
      }
      seen.add(name);
      this.#skip(":");
      this.#value(here);
      this.#skip(",");
    }
    this.#at += 1;
  }

  #array(place: Place): void {
    this.#at += 1;
    for (let index = 0; this.#next() !== "]"; index += 1) {
      this.#value([...place, index]);
      this.#skip(",");
    }
    this.#at += 1;
  }

  /** The next character that is no blank. */
  #next(): string {
    while (/\s/.test(this.text[this.#at] ?? "")) this.#at += 1;
    return this.text[this.#at] ?? "";
  }

  #skip(character: string): void {
    if (this.#next() === character) this.#at += 1;
  }

  #taken(form: RegExp): string {
    this.#next();
    form.lastIndex = this.#at;
    const found = form.exec(this.text)?.[0] ?? "";
    this.#at += found.length;
    return found;
  }
}

/** Whether a value nests no deeper than documents may; asked before anything walks it by recursion. */
export function isShallow(value: Json, depth = MAX_DEPTH): boolean {
  if (Array.isArray(value)) return depth > 0 && value.every((one: Json) => isShallow(one, depth - 1));
  return !isObject(value) || (depth > 0 && Object.values(value).every((one) => isShallow(one, depth - 1)));
}
