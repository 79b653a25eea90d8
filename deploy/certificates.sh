#!/bin/sh
# Makes the certificates of a Dask cluster, and one for nginx, by an authority of its own, with openssl:
#   deploy/certificates.sh FOLDER HOST
# Dask asks of the other side only that the authority signed its certificate, not where it runs; whoever holds a
# certificate and its key may run any code on the workers. Replace web-*.pem by those of an authority that browsers know.
set -eu
umask 077

[ $# -eq 2 ] || { echo "usage: $0 FOLDER HOST" >&2; exit 2; }
folder=$1
host=$2
[ ! -e "$folder/dask-ca.pem" ] || { echo "$folder/dask-ca.pem: is there already; remove it to begin anew" >&2; exit 2; }
mkdir -p "$folder"
cd "$folder"

key() { openssl genpkey -quiet -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1"; }

authority() { # FILE NAME
    key "$1.key"
    openssl req -x509 -new -key "$1.key" -sha256 -days 1825 -subj "/CN=$2" -out "$1.pem" \
        -addext basicConstraints=critical,CA:TRUE,pathlen:0 -addext keyUsage=critical,keyCertSign,cRLSign
}

certificate() { # AUTHORITY NAME HOST USAGE
    key "$2-key.pem"
    printf 'subjectAltName=DNS:%s\nextendedKeyUsage=%s\nbasicConstraints=critical,CA:FALSE\n' "$3" "$4" >"$2.ext"
    openssl req -new -key "$2-key.pem" -subj "/CN=$3" |
        openssl x509 -req -CA "$1.pem" -CAkey "$1.key" -CAcreateserial -days 397 -sha256 -extfile "$2.ext" \
            -out "$2-cert.pem" 2>/dev/null
    rm "$2.ext"
}

authority dask-ca "Nightsort Dask"
certificate dask-ca dask dask-scheduler serverAuth,clientAuth
authority web-ca "Nightsort web"
certificate web-ca web "$host" serverAuth
rm -- *.srl
