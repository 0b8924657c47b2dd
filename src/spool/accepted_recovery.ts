/** What a start does with `.spooler/accepted`: see the table in accepted_ids.ts. */

import { collectGarbage } from "../platform/garbage.ts";
import type { AcceptedFile } from "./accepted_file.ts";
import { hashed, readLine } from "./accepted_lines.ts";
import { type HashedId, idHash, type IdTable } from "./id_table.ts";

export interface RecoveryOptions {
  readonly file: AcceptedFile;
  /** Gets the ids that hold. */
  readonly table: IdTable;
  /** Those of the tasks that never came out of there, among others. */
  readonly namesInTmp: ReadonlySet<string>;
  /** Lines of tasks that are in a journal. */
  readonly journalled: readonly string[];
  readonly isExpired: (accepted: Pick<HashedId, "at">) => boolean;
}

export interface RecoveredIds {
  /** Some belong to any sender: version 0.1 has written them. */
  readonly hasAnySenders: boolean;
  /** False when the disk was too full to write down what holds. */
  readonly isWritten: boolean;
}

/** Behind so many that were read there is garbage that is worth collecting. */
const MANY = 10_000;

export function recoverIds(options: RecoveryOptions): RecoveredIds {
  const { file, table, namesInTmp, journalled, isExpired } = options;
  let lines = 0;
  let allHold = true;
  let hasAnySenders = false;
  const know = (accepted: HashedId) => {
    table.set(accepted);
    hasAnySenders ||= accepted.content === null;
  };
  for (const line of linesWith(options)) {
    const said = readLine(line);
    const isOver = said === null || (said.sign !== "-" && isExpired(said.accepted));
    allHold &&= !isOver;
    if (isOver) continue;
    lines++;
    if (said.sign === "=") know(said.accepted);
    else if (said.sign === "+" && !namesInTmp.has(said.accepted.name)) {
      know(hashed(said.key, said.accepted));
    } else {
      allHold = false;
      forget(table, said.key);
    }
  }
  if (lines >= MANY) collectGarbage();
  const haveIdsOfTheirOwn = lines === table.size;
  if (!file.exists && journalled.length === 0) return { hasAnySenders, isWritten: true };
  try {
    const isAsItWouldBe = lines > 0 && allHold && haveIdsOfTheirOwn && journalled.length === 0;
    if (isAsItWouldBe && file.isWhole) file.keep();
    else file.rewrite(linesOfKnown(options, haveIdsOfTheirOwn));
    return { hasAnySenders, isWritten: true };
  } catch {
    return { hasAnySenders, isWritten: false };
  }
}

function forget(table: IdTable, key: string): void {
  const id = idHash(key);
  if (table.get(id) !== undefined) table.set({ id, at: -Infinity, content: null });
}

function* linesWith({ file, journalled }: RecoveryOptions): Generator<string> {
  yield* file.lines();
  yield* journalled;
}

/**
 * The lines that hold, the last of each id.
 *
 * @param haveIdsOfTheirOwn each line: then all hold that are not expired
 */
function* linesOfKnown(
  options: RecoveryOptions,
  haveIdsOfTheirOwn: boolean,
): Generator<string> {
  for (const line of linesWith(options)) {
    const said = readLine(line);
    if (said === null || said.sign === "-" || options.isExpired(said.accepted)) continue;
    const id = () => said.sign === "=" ? said.accepted.id : idHash(said.key);
    if (haveIdsOfTheirOwn || options.table.get(id())?.at === said.accepted.at) yield `${line}\n`;
  }
}
