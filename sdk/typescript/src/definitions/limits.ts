import { fault, MAX_FAULTS, type DefinitionFault, type FaultCode } from "./faults.js";
import { isObject, pointer, type Json } from "./json.js";

export const MAX_DEPTH = 64;
const MAX_ITEMS = 10_000;
const MAX_VALUES = 500_000;
const LONE_SURROGATE = /\p{Surrogate}/u;

/** What one walk over a document found. */
export interface Survey {
  readonly faults: readonly DefinitionFault[];
  /** False: a limit of depth or size is broken, so that the later stages must not look at it. */
  readonly isReadable: boolean;
}

/** Limits of any document, whatever it says: depth, size, characters and numbers. */
export function survey(document: Json): Survey {
  const walk = new Walk();
  walk.visit(document, 1, null);
  return walk;
}

type Trail = readonly [above: Trail, segment: string | number] | null;

class Walk implements Survey {
  readonly faults: DefinitionFault[] = [];
  isReadable = true;
  #values = 0;

  visit(value: Json, depth: number, trail: Trail): void {
    if (typeof value === "string") this.#visitText(value, trail);
    else if (typeof value === "number") this.#visitNumber(value, trail);
    else if (Array.isArray(value)) {
      if (this.#enters(depth, value.length, trail)) value.forEach((item: Json, index) => this.visit(item, depth + 1, [trail, index]));
    } else if (isObject(value)) {
      const members = Object.entries(value);
      if (!this.#enters(depth, members.length, trail)) return;
      for (const [name, one] of members) {
        this.#visitText(name, [trail, name]);
        this.visit(one, depth + 1, [trail, name]);
      }
    }
  }

  #enters(depth: number, size: number, trail: Trail): boolean {
    this.#values += size;
    if (depth > MAX_DEPTH) return this.#refuse("document.too_deep", trail, `Values are nested deeper than ${MAX_DEPTH} levels.`);
    if (size > MAX_ITEMS) return this.#refuse("document.too_large", trail, `${size} items stand here; ${MAX_ITEMS} may.`);
    if (this.#values <= MAX_VALUES) return true;
    return this.isReadable && this.#refuse("document.too_large", null, `The document has more than ${MAX_VALUES} values.`);
  }

  #refuse(code: FaultCode, trail: Trail, message: string): false {
    this.isReadable = false;
    this.#add(code, trail, message);
    return false;
  }

  #visitText(text: string, trail: Trail): void {
    if (text.includes("\0")) this.#add("document.nul_character", trail, "A text here contains the NUL character.");
    if (LONE_SURROGATE.test(text)) this.#add("document.lone_surrogate", trail, "A text here contains half of a surrogate pair.");
  }

  #visitNumber(value: number, trail: Trail): void {
    if (Math.abs(value) <= Number.MAX_SAFE_INTEGER) return;
    const shown = Math.abs(value) < 1e60 ? String(value) : "beyond 1e60";
    this.#add("document.number_out_of_range", trail, `The number ${shown} cannot be kept exactly.`);
  }

  #add(code: FaultCode, trail: Trail, message: string): void {
    if (this.faults.length < MAX_FAULTS) this.faults.push(fault(code, pointerOf(trail), message));
  }
}

function pointerOf(trail: Trail): string {
  const segments: (string | number)[] = [];
  for (let one = trail; one !== null; one = one[0]) segments.unshift(String(one[1]).replaceAll(/\p{Surrogate}/gu, "?"));
  return pointer(...segments);
}
