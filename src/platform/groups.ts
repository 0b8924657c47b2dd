/** Groups by the text of /etc/group, as in group(5). @pure */

interface Group {
  readonly name: string;
  readonly gid: number;
  readonly members: readonly string[];
}

function* readGroups(text: string): Generator<Group> {
  for (const line of text.split("\n")) {
    const [name, , gid, members = ""] = line.split(":");
    if (name && gid && /^\d+$/.test(gid)) {
      yield { name, gid: Number(gid), members: members.split(",") };
    }
  }
}

/**
 * @param group a name or a number
 * @returns null when there is no group of that name
 */
export function findGroup(text: string, group: string): number | null {
  if (/^\d+$/.test(group)) return Number(group);
  for (const { name, gid } of readGroups(text)) if (name === group) return gid;
  return null;
}

/** The groups of a user as initgroups(3) has them: its own, and those that list it as a member. */
export function groupsOf(text: string, user: string, gid: number): number[] {
  const groups = new Set([gid]);
  for (const each of readGroups(text)) if (each.members.includes(user)) groups.add(each.gid);
  return [...groups];
}
