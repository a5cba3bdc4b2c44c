#!/bin/sh
# ship.sh FILE TOPIC [URL]: ships the whole lines that a log file has gained since the last time.
#
# What is to be sent is written down first (FILE.sending), and forgotten when it has arrived: a run
# that was cut off is repeated as it was, under the same key, and the broker knows it for the same.
set -eu
file=$1
topic=$2
url=${3:-http://127.0.0.1:9092}
bytes_max=1000000

lines=$(mktemp)
trap 'rm -f "$lines"' EXIT

if [ -f "$file.sending" ]; then
  read -r from to < "$file.sending"
else
  from=$(cat "$file.sent" 2> /dev/null || echo 0)
  # A file that has shrunk is another one: its lines are new, though they stand where others stood.
  if [ "$from" -gt "$(wc -c < "$file")" ]; then
    from=0
    date +%s > "$file.since"
  fi
  tail -c "+$((from + 1))" "$file" | head -c "$bytes_max" > "$lines"
  # The last line may still be being written.
  [ "$(tail -c 1 "$lines" | wc -l)" -eq 1 ] || sed '$d' "$lines" > "$lines.whole"
  [ ! -f "$lines.whole" ] || mv "$lines.whole" "$lines"
  to=$((from + $(wc -c < "$lines")))
  [ "$to" -gt "$from" ] || exit 0
  echo "$from $to" > "$file.sending"
fi

tail -c "+$((from + 1))" "$file" | head -c "$((to - from))" > "$lines"
since=$(cat "$file.since" 2> /dev/null || echo 0)
key="$(uname -n):$(ls -di "$file" | awk '{ print $1 }'):$since:$from"
curl -sS --fail-with-body --retry 5 --retry-connrefused -o /dev/null \
  -H "Content-Type: application/x-ndjson" -H "Idempotency-Key: $key" \
  --data-binary "@$lines" "$url/v1/topics/$topic/records"
echo "$to" > "$file.sent"
rm "$file.sending"
