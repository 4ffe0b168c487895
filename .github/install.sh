#!/bin/sh
# Installs escale and escalectl for this user: fetches the archive of this system, compares its checksum, and puts both
# programs into $ESCALE_INSTALL, by default ~/.local/bin.
#
#   ESCALE_VERSION   the version to install, as v0.8.0; else the latest
#   ESCALE_RELEASES  where releases are, if not where this script came from
set -eu

releases="${ESCALE_RELEASES:-@RELEASES@}"
folder="${ESCALE_INSTALL:-$HOME/.local/bin}"

fail() {
  echo "install.sh: error: $1" >&2
  exit 1
}

case "$releases" in
  @*) fail 'Cannot tell where releases are: set ESCALE_RELEASES, or take install.sh from a release' ;;
esac

case "$(uname -s)" in
  Linux) system=linux ;;
  Darwin) system=macos ;;
  *) fail "Cannot install on \"$(uname -s)\": there are programs for Linux and macOS; for Windows take the archive" ;;
esac
case "$(uname -m)" in
  x86_64 | amd64) machine=x64 ;;
  aarch64 | arm64) machine=arm64 ;;
  *) fail "Cannot install on \"$(uname -m)\": there are programs for x64 and arm64" ;;
esac
name="escale-$system-$machine"

if [ -n "${ESCALE_VERSION:-}" ]; then
  base="$releases/download/$ESCALE_VERSION"
else
  base="$releases/latest/download"
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM

fetch() {
  if command -v curl >/dev/null 2>&1; then
    curl -fsSL --retry 3 -o "$work/$1" "$base/$1" || fail "Cannot fetch \"$base/$1\""
  elif command -v wget >/dev/null 2>&1; then
    wget -q -O "$work/$1" "$base/$1" || fail "Cannot fetch \"$base/$1\""
  else
    fail 'Cannot fetch anything: neither "curl" nor "wget" is installed'
  fi
}

digest() {
  if command -v sha256sum >/dev/null 2>&1; then
    sha256sum "$1" | cut -d ' ' -f 1
  elif command -v shasum >/dev/null 2>&1; then
    shasum -a 256 "$1" | cut -d ' ' -f 1
  else
    fail 'Cannot verify what was fetched: neither "sha256sum" nor "shasum" is installed'
  fi
}

fetch SHA256SUMS
fetch "$name.tar.gz"
wanted=$(awk -v name="$name.tar.gz" '$2 == name || $2 == "*" name { print $1 }' "$work/SHA256SUMS")
[ -n "$wanted" ] || fail "Cannot verify \"$name.tar.gz\": SHA256SUMS does not name it"
found=$(digest "$work/$name.tar.gz")
[ "$found" = "$wanted" ] || fail "Refused \"$name.tar.gz\": its checksum is $found, it should be $wanted"

tar -xzf "$work/$name.tar.gz" -C "$work"
mkdir -p "$folder"
for program in escale escalectl; do
  chmod 755 "$work/$name/$program"
  # Moved within the folder, so that a running program is replaced in one step.
  cp "$work/$name/$program" "$folder/.$program.new"
  mv "$folder/.$program.new" "$folder/$program"
done

echo "Installed $("$folder/escale" --version) in $folder"
case ":$PATH:" in
  *":$folder:"*) ;;
  *) echo "Add \"$folder\" to your PATH to call it by name" ;;
esac
