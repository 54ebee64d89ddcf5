#!/usr/bin/env bash
# Makes in ./made, once: a certificate authority, a certificate for each node and for the administrator, and the users.
set -euo pipefail
cd "$(dirname "$0")"
umask 077
[ -f .env ] || { echo "copy .env.example to .env and choose passwords"; exit 2; }
set -a
# shellcheck source=/dev/null
. ./.env
set +a
: "${ADMIN_PASSWORD:?}" "${READER_PASSWORD:?}" "${WRITER_PASSWORD:?}"
[ ! -e made ] || { echo "./made is there already"; exit 2; }
mkdir made.new

cd made.new
openssl req -x509 -newkey rsa:3072 -nodes -sha256 -days 3650 -subj "/CN=Broadsheet cluster" -keyout ca.key -out ca.pem
for name in node1 node2 node3 admin; do
    openssl req -new -newkey rsa:3072 -nodes -subj "/CN=$name" -keyout "$name.key" -out "$name.csr"
    openssl x509 -req -in "$name.csr" -CA ca.pem -CAkey ca.key -CAcreateserial -sha256 -days 730 -out "$name.pem" \
        -extfile <(printf 'subjectAltName=DNS:%s,DNS:localhost\nextendedKeyUsage=serverAuth,clientAuth\n' "$name")
done
rm -- *.csr

hashed() { # the tool reads the password from its environment, so it is in no list of processes
    PASSWORD=$1 docker run --rm -e PASSWORD --entrypoint bash opensearchproject/opensearch:3.4.0 \
        plugins/opensearch-security/tools/hash.sh -env PASSWORD | tail -n 1
}
printf '_meta: {type: internalusers, config_version: 2}\n' >internal_users.yml
for user in admin reader writer; do
    variable=${user^^}_PASSWORD
    printf '%s: {hash: "%s", reserved: true}\n' "$user" "$(hashed "${!variable}")" >>internal_users.yml
done

# The nodes run as user 1000, who must be able to read these. The authority's key is not needed here any more: take it away.
chmod 644 ca.pem
[ "$(id -u)" != 0 ] || chown 1000 node*.key node*.pem internal_users.yml
cd ..
mv made.new made
