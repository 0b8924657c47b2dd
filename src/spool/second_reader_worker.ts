/** The module of the second thread of a long listing. */

import { Dirents, visitNames } from "../platform/dirents.ts";
import { loadLibc } from "../platform/libc.ts";
import { threadScope } from "../platform/thread_scope.ts";
import { isTaskName } from "./layout.ts";
import { PlainTaskReader } from "./plain_task.ts";
import type { SecondReaderStart } from "./second_reader.ts";
import { PieceWriter, SharedPiece } from "./shared_piece.ts";

function readPieces({ pieces, filter, now }: SecondReaderStart): void {
  const libc = loadLibc();
  if ("unavailable" in libc) return;
  const reader = new PlainTaskReader(libc, filter, now);
  const dirents = new Dirents();
  const shared = pieces.map((memory) => new SharedPiece(memory));
  while (true) {
    for (const piece of shared) {
      const fd = piece.take(dirents);
      if (fd === null) return;
      readPiece(piece, fd, dirents, reader);
    }
  }
}

function readPiece(
  piece: SharedPiece,
  fd: number,
  dirents: Dirents,
  reader: PlainTaskReader,
): void {
  const writer = new PieceWriter(piece);
  try {
    visitNames(dirents, (name, bytes) => {
      if (isTaskName(name)) writer.add(reader.read(fd, { name, priority: null }, bytes));
    });
  } catch {
    // The other thread meets the same when it reads what is missing, and says it.
  } finally {
    writer.finish();
  }
}

threadScope<SecondReaderStart>().onmessage = ({ data }) => readPieces(data);
