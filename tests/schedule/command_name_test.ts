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
    "certbot",
  ],
  ["printf '%s\\n' 'Dear root,' | (mail -s hi root)", "mail"],
  ["sleep 30 && echo up &", "echo"],
  ["echo hello", "echo"],
  ["while true; do ./loop; done", "loop"],
  ["./a.sh;./b.sh", "a.sh"],
  ["2>/dev/null ./quiet", "quiet"],
  ["A=1", "command"],
  ["'/opt/my tool/run it'", "runit"],
];

/** Of Debian's packages, and of the crontabs and inis of sites. */
const REAL: [command: string, name: string][] = [
  ["cd / && run-parts --report /etc/cron.hourly", "run-parts"],
  [
    "[ -x /etc/init.d/anacron ] && if [ ! -d /run/systemd/system ]; then /usr/sbin/invoke-rc.d anacron start >/dev/null; fi",
    "invoke-rc.d",
  ],
  [
    "if [ -x /usr/share/mdadm/checkarray ] && [ $(date +%d) -le 7 ]; then /usr/share/mdadm/checkarray --cron --all --idle --quiet; fi",
    "checkarray",
  ],
  [
    "test -e /run/systemd/system || SERVICE_MODE=1 /usr/lib/x86_64-linux-gnu/e2fsprogs/e2scrub_all_cron",
    "e2scrub_all_cron",
  ],
  ["test -e /run/systemd/system || SERVICE_MODE=1 /sbin/e2scrub_all -A -r", "e2scrub_all"],
  ["command -v debian-sa1 > /dev/null && debian-sa1 60 2", "debian-sa1"],
  ["[ -x /usr/sbin/logrotate ] && /usr/sbin/logrotate /etc/logrotate.conf", "logrotate"],
  [
    "test -x /etc/cron.daily/popularity-contest && /etc/cron.daily/popularity-contest --crond",
    "popularity-contest",
  ],
  ["[ -x /usr/share/awstats/tools/update.sh ] && /usr/share/awstats/tools/update.sh", "update.sh"],
  ["if [ -x /usr/bin/munin-cron ]; then /usr/bin/munin-cron; fi", "munin-cron"],
  ["if [ -d /usr/share/munin ]; then su -s /bin/sh munin -c /usr/bin/munin-html; fi", "munin-html"],
  [
    "test -e /usr/sbin/amavisd-new-cronjob && /usr/sbin/amavisd-new-cronjob sa-clean",
    "amavisd-new-cronjob",
  ],
  [
    "if [ $(date +%w) -eq 0 ] && [ -x /usr/lib/zfs-linux/scrub ]; then /usr/lib/zfs-linux/scrub; fi",
    "scrub",
  ],
  ["test -x /usr/bin/mandb && su -s /bin/sh man -c '/usr/bin/mandb --no-purge -q'", "mandb"],
  [
    "[ -x /usr/bin/certbot ] && sleep $((RANDOM % 3600)) && /usr/bin/certbot renew --quiet",
    "certbot",
  ],
  ["python3 -c 'import random; import time; time.sleep(9)' && certbot renew -q", "certbot"],
  ["/usr/bin/python3 /opt/certbot/bin/certbot renew", "certbot"],
  ["/usr/bin/find /tmp -type f -mtime +7 -delete", "find"],
  ["mysqldump -u root db | gzip > /backup/db.sql.gz", "mysqldump"],
  [
    "( cd /srv/app && /srv/venv/bin/python manage.py cleanup ) 2>&1 | logger -t app",
    "manage.py",
  ],
  ["(/usr/local/bin/a.sh; /usr/local/bin/b.sh) >> /var/log/x 2>&1", "a.sh"],
  ["[ -f /tmp/stop ] || /usr/local/bin/worker.sh", "worker.sh"],
  ["pgrep -f worker.py > /dev/null || nohup python3 /srv/worker.py &", "worker.py"],
  ["curl -fsS -m 10 https://hc-ping.com/8f1c > /dev/null", "curl"],
  ["/srv/backup.sh && curl -fsS https://hc-ping.com/8f1c", "backup.sh"],
  [". /etc/profile; /srv/run.sh", "run.sh"],
  ["source ~/.bashrc && rbenv exec bundle exec rake db:clean", "rake"],
  ["cd /srv && poetry run python manage.py sync", "manage.py"],
  ["cd /srv && uv run manage.py sync", "manage.py"],
  ["cd /var/www/html && php artisan schedule:run >> /dev/null 2>&1", "artisan"],
  ['php /var/www/html/bin/magento cron:run 2>&1 | grep -v "Ran jobs" >> x.log', "magento"],
  ["wp --path=/var/www cron event run --due-now", "wp"],
  ['su - postgres -c "/usr/bin/pg_backup.sh"', "pg_backup.sh"],
  ["runuser -u app -- /srv/app/bin/tick", "tick"],
  ['runuser -l app -c "cd /srv && ./tick.sh --all"', "tick.sh"],
  ["runuser app -c ./tick.sh", "tick.sh"],
  ["runuser -u app ./tick.sh", "tick.sh"],
  ["runuser --user=app -- php /srv/a.php", "a.php"],
  ['/sbin/runuser - app -s /bin/bash -c "nice /srv/tick"', "tick"],
  ['su -c "/srv/tick --now" app', "tick"],
  ['su -lc "./tick" app', "tick"],
  ['su app --command="./tick --now"', "tick"],
  ["su app --command './tick --now'", "tick"],
  ["su - app /srv/tick.sh", "tick.sh"],
  ['sudo su - postgres -c "pg_dump db"', "pg_dump"],
  ['sudo -iu app bash -lc "cd /srv && ./tick"', "tick"],
  ['sudo -H -u app sh -c "./tick > /dev/null"', "tick"],
  ["sudo --user app ./tick", "tick"],
  ["sudo -nu app /srv/tick", "tick"],
  ["doas -u app /srv/tick", "tick"],
  ["gosu app /srv/tick", "tick"],
  ["chpst -u app /srv/tick", "tick"],
  ["su app", "su"],
  ['flock -n /tmp/l -c "cd /srv && ./tick.sh --all"', "tick.sh"],
  ["flock -w 5 /tmp/l gcc -c a.c", "gcc"],
  ["test $(date +%d) -le 7 && /srv/first.sh", "first.sh"],
  ['[ "$(date +%u)" = 7 ] && /srv/sunday.sh', "sunday.sh"],
  ["sleep $((RANDOM % 300)); /srv/random.sh", "random.sh"],
  ['for f in /srv/in/*; do /srv/process.sh "$f"; done', "process.sh"],
  ["case $(date +%u) in 6|7) exit;; esac; /srv/weekday.sh", "weekday.sh"],
  ["mkdir -p /x && tar czf /x/a.tgz /srv", "tar"],
  ["date >> /var/log/x; /srv/job.sh", "job.sh"],
  ["logger -t cron begins; /srv/job.sh", "job.sh"],
  ["nice -n 19 ionice -c3 /usr/bin/updatedb", "updatedb"],
  ["BASH_ENV=/srv/env bash -l -c './go.sh'", "go.sh"],
  ["[[ 1 == 1 ]] && echo RUN ${BASH_VERSION:-no-bash}", "echo"],
  ['eval "$(ssh-agent)" && ./x', "x"],
  ["exec >> log 2>&1; ./z", "z"],
  ["{ ./a; ./b; } | mail -s x root", "a"],
  ["docker compose -f /srv/compose.yml run --rm app ./tick", "docker"],
  ["${HOME}/bin/tick ${A:-b}", "tick"],
];

for (const [command, name] of [...NAMES, ...REAL]) {
  Deno.test(`the job "${command}" is called ${name}`, () => {
    assertEquals(commandName(command).name, name);
  });
}

const distinct = (...commands: string[]) => distinctNames(commands.map(commandName));

Deno.test("commands of one name are distinguished by the arguments that differ", () => {
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
