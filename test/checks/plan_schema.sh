#!/usr/bin/env bash
# The plan's schema only grows: a plan of every version that was ever written is
# read by today's mlrun. test/runtime/schema holds the schema as each minor
# version froze it.
#
#   plan_schema.sh SOURCE_DIR FLATC
set -euo pipefail
cd "$1"
flatc=$2
schema=runtime/schema/plan.fbs
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

conforms() { # OLD NEW
  "$flatc" --conform "$1" "$2" >"$work/said" 2>&1
}

for frozen in test/runtime/schema/plan-*.fbs; do
  conforms "$frozen" "$schema" || { cat "$work/said"; echo "$schema breaks plans of $frozen: append fields instead" >&2; exit 1; }
  echo "$schema is an evolution of $frozen"
done

# The check sees what would break a plan.
frozen=test/runtime/schema/plan-1.0.fbs
refuses() { # NAME SED-SCRIPT
  sed "$2" "$frozen" >"$work/$1.fbs"
  cmp -s "$frozen" "$work/$1.fbs" && { echo "$1: the script changes nothing" >&2; exit 1; }
  conforms "$frozen" "$work/$1.fbs" && { echo "$1: flatc --conform accepts it" >&2; exit 1; }
  echo "refused: $1"
}
refuses "a field removed" '/^  tasks:long;/d'
refuses "another type" 's/^  tasks:long;/  tasks:int;/'
refuses "two fields swapped" 's/symbol:string;/arguments:uint;/; s/^  arguments:uint;.*how many.*/  symbol:string;/'
refuses "enumerators swapped" 's/{ f32, bf16,/{ bf16, f32,/'
refuses "another default" 's/slots:uint = 1;/slots:uint = 2;/'
