#!/bin/sh
# A cluster on one machine: a nats-server, a stream, an edge and a worker. Ctrl-C ends all of it.
set -eu
cd "$(dirname "$0")"
stream=nats://127.0.0.1:14222/jobs

if ! command -v nats-server >/dev/null; then
  echo "run.sh: nats-server is not installed." \
    "Debian and Ubuntu: apt-get install nats-server; others: https://nats.io/download" >&2
  exit 1
fi
if ! command -v spooler >/dev/null; then
  echo "run.sh: there is no spooler on the PATH" >&2
  exit 1
fi

running=
finish() {
  trap - EXIT INT TERM
  # The programs first: they give back what they have.
  for pid in $running; do
    kill "$pid" 2>/dev/null && wait "$pid" || true
  done
}
trap finish EXIT
trap 'exit 0' INT TERM

mkdir -p data
nats-server --config nats.conf >data/nats.log 2>&1 &
nats=$!
running=$nats

# A server that has just started may not answer yet.
tries=0
until spooler stream create "$stream" 2>data/create.log; do
  tries=$((tries + 1))
  if [ $tries -ge 50 ] || ! kill -0 $nats 2>/dev/null; then
    tail -n 5 data/nats.log data/create.log >&2
    exit 1
  fi
  sleep 0.2
done

spooler --ini edge.ini &
running="$! $running"
spooler --ini worker.ini &
running="$! $running"

spooler push --ini edge.ini ud_spool_func=hello name=Ann
spooler push --ini edge.ini --body-file tasks.ts ud_spool_func=report
wait
