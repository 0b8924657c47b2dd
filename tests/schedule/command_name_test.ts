import { commandName, distinctNames } from "../../src/schedule/command_name.ts";
import { assertEquals } from "../support/assert.ts";

const NAMES: [command: string, name: string][] = [
  ["./poll", "poll"],
  ["/usr/local/bin/backup --full > /dev/null 2>&1", "backup"],
  ["A=1 B='x y' ./run.sh", "run.sh"],
  ["cd /srv/app && ./manage.py clearsessions", "manage.py"],
  [
    "cd '/srv/my app'; export LANG=C; source venv/bin/activate && python -u manage.py send",
    "manage.py",
  ],
  ["export PATH=/usr/bin:/bin; date +%s", "date"],
  ["/bin/bash -c 'cd /srv && ./nightly.sh --all'", "nightly.sh"],
  ['bash -lc "exec /opt/x/job"', "job"],
  ["sh ./tools/clean.sh", "clean.sh"],
  ["python3 -m mysite.cleanup --days 7", "mysite.cleanup"],
  ["/srv/venv/bin/python3.11 -W ignore /srv/sync.py", "sync.py"],
  ["php -f /var/www/nextcloud/cron.php", "cron.php"],
  ["php -d memory_limit=1G artisan schedule:run >> /dev/null", "artisan"],
  ["java -Xmx1g -jar /opt/report.jar daily", "report.jar"],
  ["deno run -A tasks.ts", "tasks.ts"],
  ["python3 -c 'print(1)'", "python3"],
  ["flock -n /tmp/lock nice -n 10 timeout -k 5 5m env -i A=1 /opt/sync --all", "sync"],
  ["/usr/bin/env python3 /srv/a.py", "a.py"],
  ["ionice -c 3 nice rsync -a /a /b", "rsync"],
  ["sudo -u www-data php /srv/b.php", "b.php"],
  ["test -x /usr/sbin/anacron || { cd / && run-parts --report /etc/cron.daily; }", "run-parts"],
  [
    "[ -x /usr/lib/php/sessionclean ] && if [ ! -d /run/systemd/system ]; then /usr/lib/php/sessionclean; fi",
    "sessionclean",
  ],
  ["command -v debian-sa1 > /dev/null && debian-sa1 1 1", "debian-sa1"],
  [
    "test -x /usr/bin/certbot -a \\! -d /run/systemd/system && perl -e 'sleep int(rand(43200))' && certbot -q renew",
    "perl",
  ],
  ["printf '%s\\n' 'Dear root,' | (mail -s hi root)", "mail"],
  ["sleep 30 && echo up &", "sleep"],
  ["echo hello", "echo"],
  ["while true; do ./loop; done", "loop"],
  ["./a.sh;./b.sh", "a.sh"],
  ["2>/dev/null ./quiet", "quiet"],
  ["A=1", "command"],
  ["'/opt/my tool/run it'", "runit"],
];

for (const [command, name] of NAMES) {
  Deno.test(`the job "${command}" is called ${name}`, () => {
    assertEquals(commandName(command).name, name);
  });
}

const distinct = (...commands: string[]) => distinctNames(commands.map(commandName));

Deno.test("commands of one name are told apart by the arguments that differ", () => {
  assertEquals(
    distinct("./manage.py runjobs minutely", "./manage.py runjobs hourly", "./other"),
    ["manage.py-minutely", "manage.py-hourly", "other"],
  );
  assertEquals(distinct("./a --full /srv/x", "./a --diff /srv/x", "./a"), [
    "a-full",
    "a-diff",
    "a",
  ]);
  assertEquals(distinct("./a x 1", "./a x 2", "./a y 1"), ["a-x-1", "a-x-2", "a-y"]);
  assertEquals(distinct("./a > /tmp/x", "./a > /tmp/y"), ["a", "a"]);
});
