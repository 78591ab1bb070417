#!/bin/sh
# Draws a picture with curl: submit, wait for the last event, save.
set -eu
URL=${IMAGEMILL_SERVER:-http://127.0.0.1:7860}
call() { curl -sSf ${IMAGEMILL_KEY:+-H "authorization: Bearer $IMAGEMILL_KEY"} "$@"; }

ID=$(call "$URL/v1/generations" -H 'content-type: application/json' \
  -d '{"prompt": "a red apple on a blue background"}' | sed 's/.*"id":"\([^"]*\)","state".*/\1/; s/^{"id":"\([^"]*\)".*/\1/')
ASSET=$(call -N "$URL/v1/generations/$ID/events" | sed -n 's/.*"asset":{"id":"\([^"]*\)".*/\1/p')
call "$URL/v1/assets/$ASSET" -o "$ID.png"
echo "$ID.png"
