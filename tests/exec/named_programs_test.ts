import { namedPrograms } from "../../src/exec/named_programs.ts";
import { assertEquals } from "../support/assert.ts";

/** What a command line is certain to run: a `cd` as `cd DIR`, a script as `> FILE`, where it starts behind @. */
const CASES: readonly (readonly [command: string, ...found: string[]])[] = [
  ["/opt/x --all", "/opt/x"],
  ["php artisan", "php", "> artisan"],
  ["python3 -u manage.py send", "python3", "> manage.py"],
  ["python3 -m app", "python3"],
  ["python3 -c 'x'", "python3"],
  ["sh -e ./x.sh", "sh", "> ./x.sh"],
  ["bash x.sh", "bash"],
  ["node server", "node"],
  ["A=1 B='x y' ./run", "./run"],
  ["cd /srv/app && ./run; ./next", "cd /srv/app", "./run @/srv/app", "./next @/srv/app"],
  ["cd sub && cd more && ./run", "cd sub", "cd more @sub", "./run @sub/more"],
  ["cd $HOME && ./run && /opt/x", "/opt/x"],
  ["cd /srv || exit 1; ./run"],
  ["./a | ./b >/dev/null 2>&1", "./a", "./b"],
  ["./a 2>./err && ./b >> log", "./a", "./b"],
  ['"/opt/with blank/x" y', "/opt/with blank/x"],
  ["'/opt/$x'", "/opt/$x"],
  ["$RUN now"],
  ["/opt/*.sh"],
  ["~/bin/x"],
  ["`which x` y"],
  ["[ -x /opt/x ] && /opt/x"],
  ["test -x /opt/x || exit 0; /opt/x"],
  ["command -v x >/dev/null && x"],
  ["[ -d /tmp ]; /opt/x", "/opt/x"],
  ["if [ -x /opt/x ]; then /opt/x; fi"],
  ["for x in a b; do ./$x; done"],
  ["f() { ./x; }; f"],
  ["(cd /srv; ./x)"],
  ["{ ./x; }"],
  ["! ./x"],
  ["gmake || make"],
  ["/opt/x || mail root", "/opt/x"],
  ["export PATH=/opt/bin; x; /opt/y", "/opt/y"],
  ["PATH=/opt/bin x"],
  [". ./env; x"],
  ["alias x=y; x"],
  ["set -e; umask 22; ./x", "set", "umask", "./x"],
  ["exec ./x"],
  ["flock -n /tmp/l nice -n 5 ./x", "flock", "./x"],
  ["flock -n /tmp/l -c './x'", "flock"],
  ["timeout -k 5 1m php /srv/a.php", "timeout", "php", "> /srv/a.php"],
  ["env A=1 ./x", "env", "./x"],
  ["env PATH=/opt x", "env"],
  ["nice $NICE ./x", "nice"],
  ["sudo -u www x", "sudo"],
  ["cat <<EOF"],
  ["echo hi # ./x", "echo"],
];

for (const [command, ...expected] of CASES) {
  Deno.test(`what ${JSON.stringify(command)} is certain to run`, () => {
    const found = namedPrograms(command).map(({ kind, word, directory }) => {
      const mark = kind === "program" ? "" : kind === "script" ? "> " : "cd ";
      return `${mark}${word}${directory === "" ? "" : ` @${directory}`}`;
    });
    assertEquals(found, expected);
  });
}
