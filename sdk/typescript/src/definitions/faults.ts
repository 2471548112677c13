import { FAULT_HINTS, type FaultCode } from "../generated/faults.js";

export type { FaultCode } from "../generated/faults.js";

/** What is wrong at one place of a definition, as the server says it. */
export interface DefinitionFault {
  /** Stable: what programs decide by. */
  readonly code: FaultCode;
  /** JSON Pointer into the document as it was given; a missing member's is that of the object that lacks it. */
  readonly path: string;
  readonly message: string;
  /** How to mend it. */
  readonly hint: string;
}

/** No answer carries more faults than this; nobody mends more in one go. */
export const MAX_FAULTS = 1_000;

/** Fault of a code at a place, with the code's own hint unless a better one is given. */
export function fault(code: FaultCode, path: string, message: string, hint?: string): DefinitionFault {
  return { code, path, message, hint: hint ?? FAULT_HINTS[code] };
}

/** Hint that names what was probably meant, or undefined. */
export function didYouMean(name: string, known: Iterable<string>): string | undefined {
  let best: string | undefined;
  let least = Math.max(1, Math.floor(name.length / 3)) + 1;
  let compared = 0;
  for (const other of known) {
    if (Math.abs(other.length - name.length) >= least || compared > 200) continue;
    compared += 1;
    const distance = editsBetween(name, other, least);
    if (distance < least) [best, least] = [other, distance];
  }
  return best === undefined ? undefined : `Did you mean '${best}'?`;
}

/** Letters to change, add or drop; counting ends at a limit. */
function editsBetween(one: string, other: string, limit: number): number {
  let row = Array.from({ length: other.length + 1 }, (_, index) => index);
  for (let i = 1; i <= one.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= other.length; j += 1) {
      const kept = (row[j - 1] ?? 0) + (one[i - 1] === other[j - 1] ? 0 : 1);
      next.push(Math.min(kept, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    if (Math.min(...next) >= limit) return limit;
    row = next;
  }
  return row[other.length] ?? limit;
}
