#!/usr/bin/env bash
# What people see of a training.
source "$(dirname "$0")/lib.sh"
"$mlc" "$digits/digits.mlg" -o "$work/digits.plan"
timeout 300 python3 "$(dirname "$0")/terminal.py" "$mlrun" "$work/digits.plan" "$digits"
