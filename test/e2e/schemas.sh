#!/usr/bin/env bash
# What the tools write as JSON is valid under docs/schema.
here=$(cd "$(dirname "$0")" && pwd)
source "$here/lib.sh"
/usr/bin/python3 -c "import jsonschema" 2>/dev/null || { echo "skipped: no python3-jsonschema"; exit 77; }

elastic=(--mesh 'data=*' --set train.microbatch=8)
mlp=$source_dir/examples/fashion_mnist/mlp.mlg
cd "$work"
for report in memory comm time all; do
  "$mlc" "$digits/digits.mlg" --report $report --json -o digits.plan >digits-$report.report.json
  "$mlc" "$mlp" "${elastic[@]}" --report $report --json -o mlp.plan >mlp-$report.report.json
done
"$mlc" "$digits/digits.mlg" "${elastic[@]}" -o elastic.plan
for plan in digits mlp elastic; do
  "$mlrun" inspect $plan.plan --json >$plan.inspect.json
done
"$mlrun" bench digits.plan --steps 5 --json >bench.bench.json
"$mlrun" bench elastic.plan --steps 5 -n 2 --kernels --json >kernels.bench.json

"$mlrun" train elastic.plan --data "$digits" -n 2 --steps 100 --checkpoint run --log train.log.jsonl -q
cp run/latest/manifest.json train.manifest.json
"$mlrun" eval elastic.plan --data "$digits" --weights run --log eval.log.jsonl >/dev/null
"$mlrun" eval elastic.plan --data "$digits" --weights run --json >print.log.jsonl
[[ $(grep -c '"split":"train"' train.log.jsonl) -eq 100 ]] || fail "not a line for every step"
# 45 steps an epoch: after each epoch, and at the end.
[[ $(grep '"split":"test"' train.log.jsonl | grep -o '"step":[0-9]*' | tr '\n' ' ') == '"step":45 "step":90 "step":100 ' ]] ||
  fail "evaluations are not after each epoch and at the end"
grep -q '"step":100,"epoch":3,' eval.log.jsonl || fail "eval does not say which step the checkpoint is of"

# A loss that is no number is null, and the run fails.
"$mlc" "$digits/digits.mlg" --set 'train.optimizer=sgd(lr=1e30)' -o diverges.plan
expect_exit 1 "the loss became" "$mlrun" train diverges.plan --data "$digits" --log diverges.log.jsonl
grep -q '"loss":null' diverges.log.jsonl || fail "a loss that is not finite is not null"

# mlc refuses a metric that would have the name of a field.
for field in $(/usr/bin/python3 -c "import json; print(*json.load(open('$source_dir/docs/schema/log.schema.json'))['properties'])"); do
  sed "s/metric accuracy =/metric $field =/" "$digits/digits.mlg" >field.mlg
  expect_exit 1 "every line of the log has a field .$field. already" "$mlc" field.mlg -o field.plan
done

/usr/bin/python3 "$here/validate.py" "$source_dir/docs/schema" ./*.report.json ./*.inspect.json ./*.bench.json \
  ./*.manifest.json ./*.log.jsonl
