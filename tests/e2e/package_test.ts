/**
 * A long form (`deno task test:package`): the packages, and a Debian package's life in an overlay of
 * this machine's root, which goes with the test. Without SPOOLER_PACKAGE there is nothing here.
 */

import { join } from "@std/path";
import { machineOf, pack } from "../../.ci/package.ts";
import { assert, assertEquals, assertRejects } from "../support/assert.ts";
import { executable } from "../support/program.ts";
import { tempDir } from "../support/temp.ts";

async function sh(script: string, ...args: string[]): Promise<string> {
  const command = new Deno.Command("bash", { args: ["-euc", script, "bash", ...args] });
  const { code, stdout, stderr } = await command.output();
  const [out, err] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
  assertEquals(code, 0, `${script}\n${out}${err}`);
  return out ?? "";
}

/** In a mount namespace of its own, with a root that takes all changes and keeps none. */
const IN_OVERLAY = `unshare --mount --pid --fork --kill-child bash -euc '
  mount -t tmpfs tmpfs "$1" && mkdir "$1"/{upper,work,root}
  mount -t overlay overlay -o lowerdir=/,upperdir="$1/upper",workdir="$1/work" "$1/root"
  mount -t proc proc "$1/root/proc"
  for each in dev sys; do mount --rbind /$each "$1/root/$each"; done
  mkdir "$1/root/debs" && cp "$2"/*.deb "$3"/*.deb "$1/root/debs"
  chroot "$1/root" bash -euc "$4"
' bash "$@"`;

const LIFE = `
fail() { echo "$1" >&2; exit 1; }
export DEBIAN_FRONTEND=noninteractive
dpkg -i /debs/spooler_1.0.0_*.deb
[[ $(stat -c "%U:%G %a" /var/lib/spooler) == "spooler:spooler 750" ]] || fail "state directory"
[[ $(command -v spooler) == /usr/bin/spooler ]] || fail path
man -w spooler spooler.ini spooler-spool >/dev/null
systemd-analyze verify --man=no /lib/systemd/system/spooler@.service 2>&1 | grep -F spooler@ && fail unit
# As the unit starts it: as this user, with this ini.
as_user="setpriv --reuid=spooler --regid=spooler --init-groups --inh-caps=-all"
cd /
start() { $as_user spooler --ini /etc/spooler/site.ini 2>/tmp/log >/dev/null & pid=$!; tail -f -n +1 /tmp/log | sed "/ ready$/q" >/dev/null; }
start
$as_user spooler push --ini /etc/spooler/site.ini ud_spool_func=hello name=package
tail -f -n +1 /tmp/log | sed "/ done /q"
$as_user spooler push --ini /etc/spooler/site.ini ud_spool_func=hello at=4102444800
kill $pid && wait $pid
echo "; mine" >>/etc/spooler/site.ini
dpkg -i --force-confold /debs/spooler_1.0.1_*.deb
[[ $(dpkg-query -W spooler | cut -f 2) == 1.0.1 ]] || fail version
grep -q "^; mine" /etc/spooler/site.ini || fail "the ini was replaced"
[[ $($as_user spooler list --ini /etc/spooler/site.ini --json | wc -l) == 1 ]] || fail "the task is gone"
start && kill $pid && wait $pid
dpkg --remove spooler
[[ -e /etc/spooler/site.ini && -d /var/lib/spooler/site && ! -e /usr/bin/spooler ]] || fail remove
dpkg --purge spooler
for each in /etc/spooler /var/lib/spooler /usr/share/doc/spooler /lib/systemd/system/spooler@.service; do
  [[ ! -e $each ]] || fail "$each is left"
done
! getent passwd spooler || fail "the user is left"
! getent group spooler || fail "the group is left"
`;

if (Deno.env.has("SPOOLER_PACKAGE")) {
  const program = executable ?? "dist/spooler";

  Deno.test("the packages: checksums, bill of materials, the same bytes twice", async () => {
    await using temp = await tempDir();
    const [one, two] = [join(temp.path, "one"), join(temp.path, "two")];
    const names = await pack({ executable: program, out: one });
    assertEquals(names.length, 4);
    await pack({ executable: program, out: two });
    await sh(`diff -r "$1" "$2"; cd "$1"; sha256sum --check SHA256SUMS`, one, two);
    const bill = JSON.parse(await Deno.readTextFile(join(one, "sbom.cdx.json")));
    assertEquals([bill.bomFormat, bill.specVersion], ["CycloneDX", "1.5"]);
    assertEquals(
      bill.components.map(({ name }: { name: string }) => name).sort(),
      [
        ...["jetstream", "nats-core", "nkeys", "nuid", "obj"].map((each) => `@nats-io/${each}`),
        ...["amaro", "deno", "deno-std", "es-module-lexer", "get-east-asian-width"],
        ...["js-sha256", "tweetnacl", "v8"],
      ],
    );
    const listed = await sh(
      `cd "$1"; tar xzf spooler-*.tar.gz; cd spooler-*/; ./spooler --version; find . -type f | sort`,
      one,
    );
    for (const each of bill.components.filter(({ name }: { name: string }) => name !== "v8")) {
      const name = each.name.replace("@nats-io/", "nats-io-");
      assert(listed.includes(`./licences/${name}-${each.version}.txt`), listed);
    }
    for (const each of ["man/spooler.1", "completions/_spooler", "spooler@.service", "site.ini"]) {
      assert(listed.includes(`./${each}\n`), `${each} is missing`);
    }
  });

  Deno.test("a file for another machine is named for that machine, and what is no executable is refused", async () => {
    await using temp = await tempDir();
    const path = join(temp.path, "arm");
    const bytes = new Uint8Array(64);
    bytes.set([0x7f, 0x45, 0x4c, 0x46, 2, 1]);
    bytes[18] = 183;
    await Deno.writeFile(path, bytes);
    assertEquals((await machineOf(path)).debian, "arm64");
    await Deno.writeTextFile(path, "#!/bin/sh\necho this is a script\n");
    await assertRejects(() => machineOf(path), Error, "no ELF executable");
  });

  Deno.test("the Debian package: installed, started, upgraded, removed, purged", async () => {
    await using temp = await tempDir();
    const [one, two] = [join(temp.path, "one"), join(temp.path, "two")];
    await pack({ executable: program, out: one, version: "1.0.0" });
    await pack({ executable: program, out: two, version: "1.0.1" });
    const overlay = join(temp.path, "overlay");
    await Deno.mkdir(overlay);
    const output = await sh(IN_OVERLAY, overlay, one, two, LIFE);
    assert(output.includes("hello| Hello, package!"), output);
  });
}
