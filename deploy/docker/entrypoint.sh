#!/bin/sh
# Starts a command of the image; words that are no program of it are a command of nightsort.
# NAME_FILE=path sets NAME to what the file holds: a secret that is a variable is shown by `docker inspect`.
set -eu

for name in NIGHTSORT_WEBHOOK PREFECT_API_AUTH_STRING PREFECT_SERVER_API_AUTH_STRING \
    PREFECT_SERVER_DATABASE_PASSWORD AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY; do
    file=$(printenv "${name}_FILE") || continue
    if [ ! -r "$file" ]; then
        echo "entrypoint: ${name}_FILE=$file: cannot be read by uid $(id -u); is it there, with mode 0644?" >&2
        exit 2
    fi
    export "$name=$(cat "$file")"
    unset "${name}_FILE"
done

case "${1:-}" in
    nightsort | prefect | dask | python | sh) ;;
    *) set -- nightsort "$@" ;;
esac
exec "$@"
