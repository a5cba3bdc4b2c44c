#!/bin/sh
# The records' values out of a stream of events, until the build is finished.
sed -u -n -e 's/^data: .*"value":"\(.*\)"}$/\1/p' -e '/"value":"build finished"/q'
