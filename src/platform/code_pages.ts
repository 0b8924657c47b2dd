/**
 * Unmaps the pages of the program's own file that nobody uses any more: most of the code of V8 and Deno is
 * for the start alone. The kernel keeps the file in its cache, so a page that is used again costs a
 * microsecond. With it the kernel maps its neighbours, 64 KiB in all, and most of them nobody uses: so the
 * mappings are cut into small pieces, beyond which it does not go.
 */

import { openLibrary } from "./linux.ts";
import { quietly, textOf } from "./quietly.ts";

const MADV_DONTNEED = 4;
/** Says nothing new: of a program's file a core dump has the first page alone. */
const MADV_DONTDUMP = 16;
/** A quarter of what the kernel would map. The pieces are some 5,000 then, of 65,530 that a process may have. */
const PIECE_BYTES = 16n * 1024n;

const SYMBOLS = {
  madvise: { parameters: ["pointer", "usize", "i32"], result: "i32", optional: true },
} as const satisfies Deno.ForeignLibraryInterface;

/** `START-END PERMISSIONS OFFSET DEVICE INODE PATH` */
const MAPPING = /^([0-9a-f]+)-([0-9a-f]+) (\S+) ([0-9a-f]+) \S+ \d+ *(.*)$/;
const UNTOUCHED = /^Anonymous: +0 kB$/;

/** What a linker leaves at most between two parts of an image. */
const GAP = 0x10000n;

interface Mapping {
  readonly start: bigint;
  readonly end: bigint;
}

/**
 * The mappings of a program's image that hold nothing but what its file holds: none can be written to, and
 * in none was a page copied to be written to (by the loader, where addresses are filled in). V8 maps
 * some of its code a second time elsewhere; these are left out, as they can go away at any time.
 *
 * @param smaps - proc(5), /proc/PID/smaps
 */
export function untouchedMappings(smaps: string, file: string): Mapping[] {
  const mappings: Mapping[] = [];
  let mapping: (Mapping & { readonly isReadOnly: boolean }) | null = null;
  let imageEnd: bigint | null = null;
  for (const line of smaps.split("\n")) {
    const head = MAPPING.exec(line);
    if (head !== null) {
      const [, from = "", to = "", permissions = "", offset = "", path] = head;
      const start = BigInt(`0x${from}`);
      const end = BigInt(`0x${to}`);
      const isFirst = imageEnd === null && Number.parseInt(offset, 16) === 0;
      const isOfImage = path === file && (isFirst || imageEnd !== null && start - imageEnd < GAP);
      mapping = isOfImage ? { start, end, isReadOnly: /^r-.p$/.test(permissions) } : null;
      if (isOfImage) imageEnd = end;
    } else if (mapping?.isReadOnly && UNTOUCHED.test(line)) {
      mappings.push({ start: mapping.start, end: mapping.end });
    }
  }
  return mappings;
}

type Madvise = (start: bigint, bytes: bigint, advice: number) => void;

let unmap: (() => void) | undefined;

/** Does nothing where libc does not know how, or /proc is not there. */
export function unmapCode(): void {
  unmap ??= findCode();
  unmap();
}

function findCode(): () => void {
  // It stays open.
  const library = openLibrary((name) => Deno.dlopen(name, SYMBOLS));
  const call = "opened" in library ? library.opened.symbols.madvise : null;
  if (call === null) return () => {};
  const madvise: Madvise = (start, bytes, advice) =>
    void call(Deno.UnsafePointer.create(start), bytes, advice);
  const mappings = ownMappings();
  for (const mapping of mappings) cutUp(mapping, madvise);
  return () => {
    for (const { start, end } of mappings) madvise(start, end - start, MADV_DONTNEED);
  };
}

/** What is next to each other and has not the same flags the kernel takes for two mappings. */
function cutUp({ start, end }: Mapping, madvise: Madvise): void {
  for (let at = start + PIECE_BYTES; at + PIECE_BYTES < end; at += 2n * PIECE_BYTES) {
    madvise(at, PIECE_BYTES, MADV_DONTDUMP);
  }
}

function ownMappings(): Mapping[] {
  const smaps = textOf("/proc/self/smaps");
  const file = quietly(() => Deno.readLinkSync("/proc/self/exe"));
  return smaps === undefined || file === undefined ? [] : untouchedMappings(smaps, file);
}
