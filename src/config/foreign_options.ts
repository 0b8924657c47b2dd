/**
 * The names of uWSGI's options that this program does not act on, in groups with a reason each.
 *
 * A name is followed by what it takes on the command line (nothing: a flag, `=` a value, `?` an
 * optional one), by `!` where uWSGI acts on it before placeholders are filled in, and by `/x` for
 * its short form. The `reason` of a group is what a person reads. This file is longer than 300 lines
 * because it is one table.
 *
 * Source: the option tables of uWSGI 2.0.21, core/uwsgi.c and plugins/ as a whole.
 *
 * @pure
 */

export interface ForeignGroup {
  readonly group: string;
  /** Why these are not acted on; reads on after the names and a colon. */
  readonly reason: string;
  /** An ini that has one is refused: to go on in silence would be dangerous. */
  readonly refused?: true;
  readonly names: string;
}

export const FOREIGN_GROUPS: readonly ForeignGroup[] = [
  {
    group: "command",
    reason: "it is a command for the uwsgi program, not a setting",
    refused: true,
    names: `
      alarm-list alarms-list binary-append-data= build-plugin= cflags cheaper-algo-list
      cheaper-algos-list cheaper-list clock-list clocks-list command-mode config-py
      connect-and-read= dot-h dump-options extract= get= imperial-monitor-list
      imperial-monitors-list ldap-schema ldap-schema-ldif logger-list loggers-list loop-list
      loops-list nagios no-server pause= perl-version ping-timeout= ping= plugin-list
      plugins-list print-sym= print-symbol= pyshell-oneshot? pyshell? python-version
      reload= resume= router-list routers-list signal= stop= suspend= help/h usage/h version
    `,
  },
  {
    group: "cron elsewhere",
    reason: "the job would never run; use cron or cron2",
    refused: true,
    names: `
      cron-legion= curl-cron-legion= curl-cron= legion-cron= legion-curl-cron=
      unique-cron-legion= unique-legion-cron=
    `,
  },
  {
    group: "envdir",
    reason: "its variables would be missing; use env = KEY=@(dir/KEY)",
    refused: true,
    names: `
      early-envdir= envdir=
    `,
  },
  {
    group: "format",
    reason: "only ini files are read",
    refused: true,
    names: `
      config= js=/j json=/j ldap= pypy-ini-paste= sqlite3=
      sqlite= xml=/x xmlconfig=/x yaml=/y yml=/y
    `,
  },
  {
    group: "isolation",
    reason: "tasks would run without it; use systemd's sandboxing or a container",
    refused: true,
    names: `
      cap= cgroup-dir-mode= cgroup-opt= cgroup= chroot= drop-after-apps drop-after-init
      jail-attach= jail-ip4= jail-ip6= jail2= jail= jailed jid-file= jidfile= libjail=
      namespace-keep-mount= namespace-net= namespace= ns-net= ns= pivot-root= pivot_root=
      setns-preopen setns-skip= setns-socket-skip= setns-socket= setns= unshare2= unshare=
    `,
  },
  {
    group: "rewriting",
    reason: "it changes what the other lines say; write them out",
    refused: true,
    names: `
      declare-option2= declare-option= inject-after= inject-before= resolve=
    `,
  },
  {
    group: "clusters",
    reason: "one machine, one process; forwarding is spooler-forward",
    names: `
      auto-weight= early-emperor emperor-broodlord= emperor-cap= emperor-curse-tolerance=
      emperor-extra-ext= emperor-extra-extension= emperor-freq= emperor-graceful-shutdown
      emperor-magic-exec emperor-max-throttle= emperor-no-blacklist emperor-nofollow
      emperor-on-demand-dir= emperor-on-demand-directory= emperor-on-demand-exec=
      emperor-on-demand-ext= emperor-on-demand-extension= emperor-pidfile= emperor-procname=
      emperor-proxy-socket= emperor-required-heartbeat= emperor-stats-server= emperor-stats=
      emperor-throttle= emperor-tyrant emperor-tyrant-nofollow emperor-use-clone=
      emperor-wrapper-fallback= emperor-wrapper-override= emperor-wrapper= emperor=
      fastrouter-buffer-size= fastrouter-cheap fastrouter-events=
      fastrouter-fallback-on-no-key fastrouter-fallback= fastrouter-gid= fastrouter-gracetime=
      fastrouter-harakiri= fastrouter-post-buffering-dir= fastrouter-post-buffering=
      fastrouter-processes= fastrouter-quiet= fastrouter-resubscribe-bind=
      fastrouter-resubscribe= fastrouter-ss= fastrouter-stats-server= fastrouter-stats=
      fastrouter-subscription-fallback-key= fastrouter-subscription-server=
      fastrouter-subscription-slot= fastrouter-timeout= fastrouter-to= fastrouter-uid=
      fastrouter-use-base= fastrouter-use-cache? fastrouter-use-code-string=
      fastrouter-use-pattern= fastrouter-use-socket? fastrouter-workers= fastrouter-zerg=
      fastrouter= forkpty-router-cmd= forkpty-router-command= forkpty-router= forkpty-urouter=
      forkptyrouter-cheap forkptyrouter-cmd= forkptyrouter-cols= forkptyrouter-command=
      forkptyrouter-events= forkptyrouter-fallback= forkptyrouter-harakiri=
      forkptyrouter-processes= forkptyrouter-rows= forkptyrouter-ss=
      forkptyrouter-stats-server= forkptyrouter-stats= forkptyrouter-timeout=
      forkptyrouter-workers= forkptyrouter-zerg= forkptyrouter= forkptyurouter=
      legion-cron-curl= legion-death-on-lord-error= legion-death= legion-freq= legion-join=
      legion-lord= legion-mcast= legion-node-joined= legion-node-left= legion-node=
      legion-quorum= legion-scroll-list-max-size= legion-scroll-max-size= legion-scroll=
      legion-setup= legion-skew-tolerance= legion-tolerance= legion-unlord= legion=
      pty-connect= pty-exec= pty-input pty-log pty-no-isig pty-socket= pty-uconnect=
      rawrouter-buffer-size= rawrouter-cheap rawrouter-events= rawrouter-fallback=
      rawrouter-gracetime= rawrouter-harakiri= rawrouter-max-retries= rawrouter-processes=
      rawrouter-quiet= rawrouter-ss= rawrouter-stats-server= rawrouter-stats=
      rawrouter-subscription-server= rawrouter-subscription-slot= rawrouter-timeout=
      rawrouter-to= rawrouter-use-base= rawrouter-use-cache? rawrouter-use-code-string=
      rawrouter-use-pattern= rawrouter-use-socket? rawrouter-workers= rawrouter-xclient
      rawrouter-zerg= rawrouter= sslrouter-buffer-size= sslrouter-cheap sslrouter-events=
      sslrouter-fallback= sslrouter-gracetime= sslrouter-harakiri= sslrouter-max-retries=
      sslrouter-processes= sslrouter-quiet= sslrouter-session-context= sslrouter-sni
      sslrouter-ss= sslrouter-stats-server= sslrouter-stats= sslrouter-subscription-server=
      sslrouter-timeout= sslrouter-to= sslrouter-use-base= sslrouter-use-cache?
      sslrouter-use-code-string= sslrouter-use-pattern= sslrouter-use-socket?
      sslrouter-workers= sslrouter-zerg= sslrouter2= sslrouter= st= start-unsubscribed
      subscribe-freq= subscribe-to= subscribe-with-modifier1= subscribe2= subscribe=
      subscription-algo= subscription-dotsplit subscription-notify-socket=
      subscription-tolerance= subscriptions-credentials-check=
      subscriptions-sign-check-tolerance= subscriptions-sign-check=
      subscriptions-sign-skip-uid= subscriptions-use-credentials tuntap-device-rule=
      tuntap-device= tuntap-router-firewall-in= tuntap-router-firewall-out=
      tuntap-router-route= tuntap-router-stats= tuntap-router= tuntap-use-credentials?
      unsubscribe-on-graceful-reload vassal-cap= vassal-set= vassal-sos-backlog= vassal-sos=
      vassals-cap= vassals-include-before= vassals-include= vassals-inherit-before=
      vassals-inherit= vassals-set= vassals-start-hook= vassals-stop-hook= weight=
      zerg-fallback zerg-pool= zerg-server= zerg= zergpool=
    `,
  },
  {
    group: "code",
    reason: "it is about applications that serve requests",
    names: `
      asyncio= callable= cgi-allowed-ext= cgi-async-max-attempts cgi-buffer-size=
      cgi-close-stdin-on-eof cgi-do-not-kill-on-error cgi-from-docroot cgi-helper= cgi-index=
      cgi-loadlib= cgi-map-helper= cgi-optimize cgi-optimized cgi-path-info cgi-safe=
      cgi-timeout= cgi-unset= cgi= clojure-load= coroae= dumbloop-code= dumbloop-function=
      dumbloop-modifier1= fiber gccgo-args= gccgo-load= gemset=
      gevent-early-monkey-patch gevent-monkey-patch gevent-wait-for-hub gevent= go-args=
      go-load= goroutines= greenlet jvm-class= jvm-classpath= jvm-main-class= jvm-opt= jwsgi=
      lua-gc-freq lua-load= lua-shell lua= luashell mono-app= mono-assembly=
      mono-config= mono-exec= mono-gc-freq= mono-index= mono-key= mono-version= no-site
      optimize=/O paste-logger perl-arg= perl-args= perl-auto-reload-ignore=
      perl-auto-reload= perl-exec-post-fork= perl-exec= perl-local-lib= perl-no-die-catch
      perl-no-plack php-allowed-docroot= php-allowed-ext= php-allowed-script= php-app-bypass=
      php-app-qs= php-app= php-config-append= php-config= php-constant= php-docroot=
      php-dump-config php-exec-after= php-exec-before= php-exec-begin= php-exec-end=
      php-fallback-qs= php-fallback2= php-fallback= php-index= php-ini-append= php-ini=
      php-sapi-name= php-server-software= php-set= php-var= plshell-oneshot plshell?
      psgi-enable-psgix-io psgi= py-auto-reload-ignore=
      py-auto-reload= py-autoreload= py-call-osafterfork py-call-uwsgi-fork-hooks
      py-executable= py-program-name= py-programname= py-sharedarea= py-sys-executable=
      py-tracebacker= pypy-eval-post-fork= pypy-eval=
      pypy-exec-post-fork= pypy-exec= pypy-home= pypy-lib= pypy-paste= pypy-pp=
      pypy-python-path= pypy-pythonpath= pypy-setup= pypy-wsgi-file= pypy-wsgi=
      python-auto-reload= python-autoreload= python-worker-override= rack= rails=
      rb-gc-freq= rb-lib= rb-require= rb-thread rb-threads rbrequire= rbshell-oneshot rbshell?
      rbthread rbthreads reload-os-env require= ring-app= ring-load= ruby-gc-freq= ruby-lib=
      ruby-require= rubyrequire= rvm-path= rvm= shared-rb-require= shared-rbrequire=
      shared-require= shared-ruby-require= shared-rubyrequire= stackless
      start_response-nodelay symcall-post-fork= symcall-register-rpc= symcall-use-next
      symcall= test=/J tornado= ugreen ugreen-stacksize= v8-gc-freq= v8-jsgi= v8-load=
      v8-module-path= v8-preemptive= wsgi-accept-buffer wsgi-accept-buffers
      wsgi-disable-file-wrapper wsgi-env-behavior= wsgi-env-behaviour=
      wsgi-strict
    `,
  },
  {
    group: "daemons",
    reason: "other programs are a supervisor's work; touch-reload and SIGHUP reload this one",
    names: `
      attach-control-daemon= attach-daemon2= attach-daemon= daemons-honour-stdin
      legion-attach-daemon= legion-smart-attach-daemon2= legion-smart-attach-daemon=
      propagate-touch smart-attach-daemon2= smart-attach-daemon= touch-chain-reload=
      touch-exec= touch-mules-reload=
      touch-signal= touch-workers-reload=
    `,
  },
  {
    group: "hooks",
    reason: "hooks of a web server's life have no counterpart",
    names: `
      after-request-call= after-request-hook= call-as-emperor1= call-as-emperor2=
      call-as-emperor4= call-as-emperor= call-as-root= call-as-user-atexit= call-as-user=
      call-as-vassal1= call-as-vassal3= call-as-vassal= call-asap= call-in-jail=
      call-post-app= call-post-jail= call-pre-app= call-pre-jail= exec-as-emperor=
      exec-as-root= exec-as-user-atexit= exec-as-user= exec-as-vassal= exec-asap=
      exec-in-jail= exec-post-app= exec-post-jail= exec-pre-app= exec-pre-jail= file-write=
      hook-accepting-once= hook-accepting1-once= hook-accepting1= hook-accepting=
      hook-as-emperor= hook-as-gateway= hook-as-mule= hook-as-root= hook-as-user-atexit=
      hook-as-user= hook-as-vassal= hook-asap= hook-emperor-lost= hook-emperor-reload=
      hook-emperor-start= hook-emperor-stop= hook-in-jail= hook-master-start= hook-post-app=
      hook-post-fork= hook-post-jail= hook-pre-app= hook-pre-jail= hook-touch=
      mount-as-emperor= mount-as-root= mount-as-vassal= mount-asap= mount-in-jail=
      mount-post-jail= mount-pre-jail= umount-as-emperor= umount-as-root= umount-as-vassal=
      umount-asap= umount-in-jail= umount-post-jail= umount-pre-jail= wait-for-dir=
      wait-for-file= wait-for-fs-timeout= wait-for-fs= wait-for-iface-timeout= wait-for-iface=
      wait-for-interface-timeout= wait-for-interface= wait-for-mountpoint=
      wait-for-socket-timeout= wait-for-socket= wait-iface-timeout= wait-iface=
      wait-interface-timeout= wait-interface= worker-exec2= worker-exec=
    `,
  },
  {
    group: "identity",
    reason: "the whole program becomes the user of uid, with the groups of that account",
    names: `
      master-as-root no-initgroups
    `,
  },
  {
    group: "logging",
    reason:
      "lines have a format of their own; logto, logger and log-json say where they go, and how",
    names: `
      disable-write-exception ignore-sigpipe ignore-write-errors log-4xx
      log-5xx log-alarm= log-big= log-date? log-drain= log-encoder=
      log-filter= log-format-strftime log-format= log-ioerror= log-master log-master-bufsize=
      log-master-req-stream log-master-stream log-micros log-prefix?
      log-req-encoder= log-req-route= log-sendfile= log-slow= log-socket=
      log-syslog? log-truncate log-x-forwarded-for log-zero log-zeromq= logdate?
      logfile-chmod= logfile-chown logformat-strftime logformat= logger-req=
      not-alarm-log= not-log-alarm= req-logger= threaded-logger
      write-errors-exception-only write-errors-tolerance=
    `,
  },
  {
    group: "monitoring",
    reason: "there are no metrics; log-json and spooler list --json have the facts",
    names: `
      alarm-backlog= alarm-cheap= alarm-fd= alarm-freq= alarm-listen-queue= alarm-log=
      alarm-lq= alarm-metric= alarm-msg-size= alarm-segfault= alarm= backlog-alarm=
      carbon-freq= carbon-hostname-dots= carbon-id= carbon-idle-avg= carbon-max-retry=
      carbon-name-resolve carbon-no-workers carbon-resolve-names carbon-retry-delay=
      carbon-root= carbon-timeout= carbon-use-metrics carbon= enable-metrics heartbeat=
      listen-queue-alarm= lq-alarm= metric-alarm= metric-dir-restore metric-dir=
      metric-threshold= metric= metrics-dir-restore metrics-dir= metrics-no-cores
      multicast-loop= multicast-ttl= multicast= rrdtool-freq= rrdtool-lib= rrdtool=
      segfault-alarm= snmp-community= snmp? stats-no-cores
      stats-no-metrics stats-push= stats-pusher-default-freq= stats-pushers-default-freq= udp=
      zabbix-template?
    `,
  },
  {
    group: "plugins",
    reason: "there is nothing to load, everything is built in",
    names: `
      allowed-modifiers= autoload! dlopen=! force-gateway plugin-dir=! plugins-dir=!
      remap-modifier=
    `,
  },
  {
    group: "process",
    reason: "settings of uWSGI's own processes, which are not here",
    names: `
      auto-procname backtrace-depth= binary-path= cgi-mode/c chdir2= check-interval=
      check-mount= check-mountpoint= clock= close-on-exec close-on-exec2 cpu-affinity=
      evil-reload-on-as= evil-reload-on-rss=
      exit-on-reload fallback-config=! fd-safe= flock-wait2=! flock-wait=! flock2=! flock=!
      force-cwd= forkbomb-delay= fs-brutal-reload= fs-reload= fs-signal= ftok= honour-stdin
      ksm? limit-as= limit-nproc= lock-engine= locks= master-fifo= max-fd=
      memory-report/m mode= mount-check= mountpoint-check= need-app never-swap no-fd-passing
      notify-socket= persistent-ipcsem prio=
      privileged-binary-patch-arg= privileged-binary-patch= procname-append= procname-master=
      procname-prefix-spaced= procname-prefix= procname= profiler= re-fork re-fork-as-root
      re-fork-post-jail refork refork-as-root refork-post-jail safe-fd=
      shutdown-sockets skip-atexit skip-atexit-teardown skip-zero
      thunder-lock unprivileged-binary-patch-arg= unprivileged-binary-patch= use-abort
    `,
  },
  {
    group: "shared memory",
    reason: "there are no web workers to share it",
    names: `
      add-cache-item= cache-blocksize= cache-expire-freq= cache-no-expire
      cache-report-freed-items cache-store-sync= cache-store= cache-sync= cache-udp-node=
      cache-udp-server= cache-use-last-modified cache2= cache= check-cache? farm=
      load-file-in-cache-gzip= load-file-in-cache= mule-harakiri= mule-msg-size?
      mule-reload-mercy= mule? mules= queue-blocksize= queue-store-sync= queue-store= queue=
      rpc-max= sharedarea=/A signal-bufsize= signals-bufsize= upload-progress=
      websocket-max-size= websocket-ping-freq= websocket-pong-tolerance= websockets-max-size=
      websockets-ping-freq= websockets-pong-tolerance=
    `,
  },
  {
    group: "web",
    reason: "serving the web is a web server's work",
    names: `
      add-header= async= body-read-warning= brutal-reload-on-fd= catch-exceptions cheap
      cheaper-algo= cheaper-busyness-backlog-alert= cheaper-busyness-backlog-multiplier=
      cheaper-busyness-backlog-nonzero= cheaper-busyness-backlog-step= cheaper-busyness-max=
      cheaper-busyness-min= cheaper-busyness-multiplier= cheaper-busyness-penalty=
      cheaper-busyness-verbose cheaper-initial= cheaper-overload= cheaper-rss-limit-hard=
      cheaper-rss-limit-soft= cheaper-step= cheaper= check-static-docroot check-static=
      chunked-input-limit= chunked-input-timeout= collect-header= cron-curl-legion= cron-curl=
      del-header= die-on-idle disable-sendfile enable-proxy-protocol enable-threads/T
      error-page-403= error-page-404= error-page-500= error-route-host= error-route-if-not=
      error-route-if= error-route-label= error-route-qs= error-route-referer=
      error-route-remote-addr= error-route-remote-user= error-route-run= error-route-status=
      error-route-uri= error-route-user-agent= error-route= exception-handler=
      fastcgi-modifier1= fastcgi-modifier2= fastcgi-nph-socket= fastcgi-socket=
      file-serve-mode= fileserve-mode= final-route-host= final-route-if-not= final-route-if=
      final-route-label= final-route-qs= final-route-referer= final-route-remote-addr=
      final-route-remote-user= final-route-run= final-route-status= final-route-uri=
      final-route-user-agent= final-route= freebind geoip-city= geoip-country= geoip-use-disk
      glusterfs-mount= glusterfs-timeout= gridfs-debug gridfs-mount= harakiri-no-arh
      harakiri-verbose harakiri=/t honour-range http-auto-chunked http-auto-gzip
      http-buffer-size= http-cheap http-chunked-input http-connect-timeout=
      http-enable-proxy-protocol? http-events= http-fallback= http-gid= http-gracetime=
      http-harakiri= http-headers-timeout= http-keepalive? http-manage-expect?
      http-manage-rtsp http-manage-source http-modifier1= http-modifier2= http-processes=
      http-quiet= http-raw-body http-resubscribe= http-server-name-as-http-host=
      http-socket-modifier1= http-socket-modifier2= http-ss= http-stats-server= http-stats=
      http-stud-prefix= http-subscription-fallback-key= http-subscription-server=
      http-timeout= http-to-https= http-to= http-uid= http-use-base= http-use-cache?
      http-use-code-string= http-use-pattern= http-use-socket? http-var= http-websockets
      http-workers= http-zerg= http11-socket= http= httprouter= https-export-cert
      https-session-context= https-socket-modifier1= https-socket-modifier2=
      https2= https= idle= ignore-script-name limit-post= loop=
      manage-script-name map-socket= max-apps= max-requests=/R max-vars=/v
      max-worker-lifetime-delta= max-worker-lifetime= mem-collector-freq= mime-file= mimefile=
      min-worker-lifetime= mongrel2= no-default-app no-defer-accept
      no-harakiri-after-req-hook no-harakiri-arh no-threads-wait notfound-log offload-thread=
      offload-threads= pam-user= pam= pcre-jit! post-buffering-bufsize= post-buffering=
      processes=/p protocol= pull-header= puwsgi-socket= rados-mount= rados-timeout=
      raw-modifier1= raw-modifier2= raw-socket= reload-on-as= reload-on-exception
      reload-on-exception-repr= reload-on-exception-type= reload-on-exception-value=
      reload-on-fd= reload-on-rss= rem-header= response-header-collect=
      response-headers-limit= response-route-host= response-route-if-not= response-route-if=
      response-route-label= response-route-qs= response-route-referer=
      response-route-remote-addr= response-route-remote-user= response-route-run=
      response-route-status= response-route-uri= response-route-user-agent= response-route=
      reuse-port route-host= route-if-not= route-if= route-label= route-qs= route-referer=
      route-remote-addr= route-remote-user= route-run= route-uri= route-user-agent= route=
      rsyslog-packet-size= rsyslog-split-messages scgi-modifier1= scgi-modifier2=
      scgi-nph-socket= scgi-socket= shared-socket= single-interpreter/i sni-dir-ciphers=
      sni-dir= sni-regexp= sni= so-keepalive so-send-timeout so-write-timeout socket-protocol=
      socket-rcvbuf= socket-send-timeout socket-sndbuf= socket-write-timeout ssl-enable-sslv3
      ssl-enable-tlsv1 ssl-enable3 ssl-option ssl-session-timeout= ssl-session-use-cache?
      ssl-sessions-timeout= ssl-sessions-use-cache? ssl-tmp-dir= ssl-verbose ssl-verify-depth?
      static-cache-paths-name= static-cache-paths= static-check= static-expires-mtime=
      static-expires-path-info-mtime= static-expires-path-info= static-expires-type-mtime=
      static-expires-type= static-expires-uri-mtime= static-expires-uri= static-expires=
      static-gzip-all static-gzip-dir= static-gzip-ext= static-gzip-prefix=
      static-gzip-suffix= static-gzip= static-index= static-map2= static-map= static-safe=
      static-skip-ext= tcp-fast-open-client tcp-fast-open= tcp-fastopen-client tcp-fastopen=
      tcp-nodelay thread-stack-size= thread-stacksize= threads-stack-size= threads-stacksize=
      threads= undeferred-shared-socket= vhost vhost-host webdav-add-collection-prop-comp=
      webdav-add-collection-prop-href= webdav-add-collection-prop=
      webdav-add-object-prop-comp= webdav-add-object-prop-href= webdav-add-object-prop=
      webdav-add-option= webdav-add-prop-comp= webdav-add-prop-href= webdav-add-prop=
      webdav-add-rtype-collection-prop= webdav-add-rtype-object-prop= webdav-add-rtype-prop=
      webdav-class-directory= webdav-css= webdav-div= webdav-javascript= webdav-js=
      webdav-lock-cache= webdav-mount= webdav-principal-base= webdav-skip-prop=
      workers=/p xslt-content-type= xslt-docroot= xslt-ext=
      xslt-stylesheet= xslt-var= zeromq-socket= zeromq= zmq-socket= zmq=
    `,
  },
];
