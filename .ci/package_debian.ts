/** The Debian package: its tree, and what is done when it is installed, upgraded and purged. */

/** /etc/spooler/site.ini, which a person edits. */
export const SITE_INI =
  `; The service spooler@site runs this file: systemctl enable --now spooler@site
; Every setting: man spooler.ini. What this file does: spooler check /etc/spooler/site.ini
[uwsgi]
spooler = /var/lib/spooler/site
spooler-processes = 2
spooler-max-retries = 5

; A task whose ud_spool_func is "hello" runs this command:
; sudo -u spooler spooler push --ini /etc/spooler/site.ini ud_spool_func=hello name=world
spooler-task = name=hello echo "Hello, $SPOOL_NAME!"

; Every night at three:
; cron = 0 3 * * * /usr/local/bin/cleanup
`;

export function controlText(version: string, architecture: string, sizeKiB: number): string {
  return `Package: spooler
Version: ${version}
Architecture: ${architecture}
Maintainer: the spooler authors <spooler@localhost>
Installed-Size: ${sizeKiB}
Depends: libc6 (>= 2.27), passwd
Suggests: python3
Section: admin
Priority: optional
Description: background tasks, timers and cron jobs from one ini file
 A task is a file in a directory; it runs as a shell command or as a function
 in TypeScript, JavaScript or Python, is retried when it fails, and survives a
 power cut. It reads the files, the protocol and the ini of uWSGI's spooler.
`;
}

export const MAINTAINER_SCRIPTS: Readonly<Record<string, string>> = {
  postinst: `#!/bin/sh
set -e
if [ "$1" = configure ]; then
  getent group spooler >/dev/null || groupadd --system spooler
  getent passwd spooler >/dev/null ||
    useradd --system --gid spooler --home-dir /var/lib/spooler --no-create-home \\
      --shell /usr/sbin/nologin spooler
  [ -d /var/lib/spooler ] || install -d -o spooler -g spooler -m 0750 /var/lib/spooler
  if [ -d /run/systemd/system ]; then
    systemctl daemon-reload
    # Those that run go on with the new version; what they run may end first.
    [ -z "$2" ] || systemctl try-restart 'spooler@*.service'
  fi
fi
`,
  prerm: `#!/bin/sh
set -e
if [ "$1" = remove ] && [ -d /run/systemd/system ]; then
  systemctl stop 'spooler@*.service'
fi
`,
  postrm: `#!/bin/sh
set -e
if [ -d /run/systemd/system ]; then systemctl daemon-reload; fi
if [ "$1" = purge ]; then
  # Tasks that wait here go with it.
  rm -rf /var/lib/spooler
  ! getent passwd spooler >/dev/null || userdel spooler
  ! getent group spooler >/dev/null || groupdel spooler
fi
`,
};

/**
 * The unit for any ini of /etc/spooler.
 *
 * @param unit as `spooler systemd-unit` prints it for /etc/spooler/site.ini
 */
export function unitTemplate(unit: string, ini: string, program: string): string {
  const changes: readonly (readonly [RegExp, string])[] = [
    [/^Description=.*$/m, "Description=spooler for /etc/spooler/%i.ini"],
    [/^ExecStart=.*$/m, "ExecStart=/usr/bin/spooler --ini /etc/spooler/%i.ini"],
    [/^# User=$/m, "User=spooler"],
    [/^# Group=$/m, "Group=spooler"],
    [/^(ReadWritePaths=.*\n?)+/m, "StateDirectory=spooler\nStateDirectoryMode=0750\n"],
  ];
  let text = unit;
  for (const [pattern, put] of changes) {
    if (!pattern.test(text)) throw new Error(`the unit has no ${pattern}`);
    text = text.replace(pattern, put);
  }
  for (const path of [ini, program]) {
    if (text.includes(path)) throw new Error(`the unit still names ${path}`);
  }
  return `${text.trimEnd()}\n`;
}
