#!/bin/sh
# locked.sh FILE NAME…: prints the locked requirements of these packages and of what they need, for pip --require-hashes.
# Refuses a name that the file does not have: what is installed is what was locked, or nothing.
#
# What needs what is in the comments that uv writes behind each requirement:  # via NAME,  or a list of names below it.
set -eu
file=$1
shift
awk -v wanted="$*" '
    /^[A-Za-z0-9]/ { name = $0; sub(/[=[ ;].*/, "", name); names[++count] = name }
    /^ *#/ { for (i = 2; i <= NF; i++) if ($i != "via") needed_by[name] = needed_by[name] " " $i " "; next }
    name != "" { text[name] = text[name] $0 "\n" }
    END {
        asked = split(wanted, list, " ")
        for (i = 1; i <= asked; i++) {
            if (!(list[i] in text)) { print FILENAME " has no " list[i] >"/dev/stderr"; exit 1 }
            taken[list[i]] = 1
        }
        do {
            more = 0
            for (i = 1; i <= count; i++)
                for (j = 1; j <= count && !(names[i] in taken); j++)
                    if ((names[j] in taken) && index(needed_by[names[i]], " " names[j] " ")) taken[names[i]] = more = 1
        } while (more)
        for (i = 1; i <= count; i++) if (names[i] in taken) printf "%s", text[names[i]]
    }
' "$file"
