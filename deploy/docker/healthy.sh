#!/bin/sh
# Whether an address answers, without curl: `healthy http://127.0.0.1:4200/api/health`.
exec python -I -S -c 'import sys, urllib.request; urllib.request.urlopen(sys.argv[1], timeout=5)' "$1"
