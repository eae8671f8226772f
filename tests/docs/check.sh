#!/bin/sh
# Every block of code in the pages stands in the program named above it, and every block of output that follows is what
# that program prints.   check.sh ROOT PROGRAMS-FOLDER
set -eu
root=$1 programs=$2 failed=0
for page in "$root"/README.md "$root"/docs/*.md; do
  awk -v root="$root" -v programs="$programs" -v page="${page#"$root"/}" '
    function trimmed(s) { gsub(/[ \t]+/, " ", s); sub(/^ /, "", s); sub(/ $/, "", s); return s }
    function flat(file, command,   line, all) {
      while ((command ? (file | getline line) : (getline line < file)) > 0) all = all trimmed(line) "\n"
      close(file)
      return all
    }
    /^<!-- .* -->$/ { source = $2; next }
    /^```/ {
      if (!inside) { kind = substr($0, 4); block = ""; inside = 1; next }
      inside = 0
      if (kind == "cpp") {
        if (source == "") { print page ": a block of code without a program"; bad = 1; next }
        if (!(source in text)) text[source] = flat(root "/" source, 0)
        if (index(text[source], block) == 0) { print page ": not in " source ":\n" block; bad = 1 }
        shown = source; source = ""; blocks++
      } else if (kind == "text") {
        name = shown; sub(/.*\//, "", name); sub(/\.cpp$/, "", name)
        if (!(name in output)) output[name] = flat(programs "/docs_" name, 1)
        if (index(output[name], block) == 0) { print page ": docs_" name " does not print:\n" block; bad = 1 }
        blocks++
      }
      next
    }
    inside { block = block trimmed($0) "\n" }
    END { print page ": " blocks + 0 " blocks"; exit bad }' "$page" || failed=1
done
exit $failed
