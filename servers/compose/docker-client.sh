#!/bin/bash
# docker-client.sh: print the folder of the first docker client in PATH that can build images with BuildKit. Clients from 23 on need the
# plugin buildx for that, older ones need nothing; a client without it may stand before one that can.
set -u
can_build() {
  timeout 20 "$1" buildx version >/dev/null 2>&1 && return
  major=$(timeout 20 "$1" --version 2>/dev/null | sed -n 's/^Docker version \([0-9][0-9]*\).*/\1/p')
  [ -n "$major" ] && [ "$major" -lt 23 ]
}
clients=$(type -ap docker)
for client in $clients; do
  can_build "$client" && { dirname "$client"; exit 0; }
done
echo "no docker client in PATH can build: ${clients:-there is none}; install the plugin buildx (Debian: docker-buildx, or docker.io before 23)" >&2
exit 1
