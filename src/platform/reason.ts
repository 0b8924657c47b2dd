/** What an error says, without its stack. @pure */

/** What Deno says of a failed call: `Permission denied (os error 13): mkdir '/x'`. */
const OF_SYSTEM = /^(.*?) \(os error \d+\)(?:[:,] (.+))?$/s;
/** Deno's names of calls that are no words. */
const VERBS: Readonly<Record<string, string>> = { readfile: "read", writefile: "write" };

/** What is said where the system does not let somebody at a file. */
export const DENIED = "permission denied";

export function reasonOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  const [, text, call] = OF_SYSTEM.exec(message) ?? [];
  if (text === undefined) return message;
  if (call === undefined) return text;
  const [, verb = "", what = ""] = /^(\w+)(.*)$/s.exec(call) ?? [];
  const subject = what.replaceAll("'", "");
  return `${VERBS[verb] ?? verb}${subject}: ${text[0]?.toLowerCase()}${text.slice(1)}`;
}
