#!/usr/bin/env bash
# What is wrong with files, machine or command line ends with one error that
# says what, where and what to do, with the documented exit code; nothing half
# written is left, and nothing good is overwritten.
source "$(dirname "$0")/lib.sh"
here=$(dirname "$0")
damage() { python3 "$here/damage.py" "$@"; }
cases=0

# bad CODE PATTERN COMMAND...: as expect_exit; and there is one error, no crash,
# and no file that was written aside.
bad() {
  expect_exit "$@"
  local errors
  errors=$(grep -cE '^(mlrun: |mlc: )?error(\[E[0-9]+\])?: ' "$work/stderr" || true)
  [[ $errors -eq 1 ]] || { cat "$work/stderr" >&2; fail "'${*:3}' says $errors errors instead of one"; }
  if grep -qiE 'terminate called|stack trace|PLEASE submit|assert|internal error' "$work/stderr"; then
    cat "$work/stderr" >&2
    fail "'${*:3}' crashes"
  fi
  local left
  left=$(find "$work" -name '*.tmp*' -o -name '.aside*')
  [[ -z $left ]] || fail "'${*:3}' leaves $left"
  cases=$((cases + 1))
}

section() { echo "== $*"; }

mkdir "$work/model"
cp "$digits/digits.mlg" "$work/model"
model=$work/model/digits.mlg
plan=$work/digits.plan
"$mlc" "$model" -o "$plan"
"$mlc" "$model" -o "$work/elastic.plan" --mesh 'data=*' --set train.microbatch=8
"$mlrun" train "$plan" --data "$digits" --epochs 1 -q -o "$work/good.safetensors" --checkpoint "$work/checkpoint" --checkpoint-every 30
cp "$work/good.safetensors" "$work/kept.safetensors"
train=("$mlrun" train "$plan" --data "$digits" --epochs 1 -q)
eval=("$mlrun" eval "$plan" --data "$digits")

section "command line of mlrun" # more in tools/mlrun/options.test
bad 2 "unknown option '--dta'; did you mean '--data'" "$mlrun" train "$plan" --dta x
bad 2 "seed: x is not a whole number" "${train[@]/--epochs/--steps}" --seed x
bad 2 "MLRUN_NUM_THREADS=many is not a whole number from 1 to 1024" env MLRUN_NUM_THREADS=many "${train[@]}"
bad 2 "exclude each other" "${train[@]}" --resume --checkpoint "$work/checkpoint" --weights "$work/good.safetensors"
bad 2 "no split 'tets'; did you mean 'test'" "${eval[@]}" --weights "$work/good.safetensors" --split tets

section "command line of mlc"
bad 2 "no model file; write mlc MODEL.mlg" "$mlc"
bad 2 "emti" "$mlc" "$model" --emti graph
bad 2 "it is one of ast, graph" "$mlc" "$model" --emit grpah
bad 2 "hiden" "$mlc" "$model" --set hiden=3
bad 1 "No such file" "$mlc" "$work/none.mlg"
bad 4 "unknown processor .sparc." "$mlc" "$model" --mcpu sparc
bad 1 "No such file|cannot write" "$mlc" "$model" -o "$work/none/x.plan"
bad 1 "No space left" "$mlc" "$model" -o /dev/full
[[ -c /dev/full ]] || fail "mlc replaced /dev/full"

section "ranks"
bad 2 "n 5 is more than the 4 micro-batches" "$mlrun" train "$work/elastic.plan" --data "$digits" -n 5
bad 2 "RANK is set, but WORLD_SIZE is not" env RANK=0 "${train[@]}"
bad 2 "WORLD_SIZE is set, but RANK is not" env WORLD_SIZE=2 "${train[@]}"
bad 2 "RANK is 2, but WORLD_SIZE is 2" env RANK=2 WORLD_SIZE=2 "${train[@]}"
bad 2 "RANK is '-1'" env RANK=-1 WORLD_SIZE=2 "${train[@]}"
bad 2 "WORLD_SIZE is 'two'" env RANK=0 WORLD_SIZE=two "${train[@]}"
elastic=("$mlrun" train "$work/elastic.plan" --data "$digits" --epochs 1 -q)
bad 2 "MASTER_ADDR is not set" env RANK=0 WORLD_SIZE=2 "${elastic[@]}"
bad 2 "MASTER_PORT is '70000'" env RANK=0 WORLD_SIZE=2 MASTER_ADDR=127.0.0.1 MASTER_PORT=70000 "${elastic[@]}"
bad 2 "says that there are 2" env RANK=0 WORLD_SIZE=2 MASTER_ADDR=127.0.0.1 "${elastic[@]}" -n 3
bad 2 "use --comm gloo" env RANK=0 WORLD_SIZE=2 MASTER_ADDR=127.0.0.1 "${elastic[@]}" --comm shm
# Not one of the ports that the system hands out: those may be another test's.
python3 - "$work/port" <<'PY' &
import random, socket, sys, time
listener = socket.socket()
while True:
    try:
        listener.bind(("127.0.0.1", random.randrange(10000, 20000)))
        break
    except OSError:
        continue
listener.listen()
open(sys.argv[1] + ".new", "w").write(str(listener.getsockname()[1]))
__import__("os").rename(sys.argv[1] + ".new", sys.argv[1])
time.sleep(300)
PY
listener=$!
while [[ ! -e $work/port ]]; do sleep 0.05; done
bad 1 "port $(<"$work/port") is in use" \
  env RANK=0 WORLD_SIZE=2 MASTER_ADDR=127.0.0.1 MASTER_PORT="$(<"$work/port")" "${elastic[@]}"
# There is somebody, but no store.
bad 5 "MASTER_PORT|does not answer" \
  env RANK=1 WORLD_SIZE=2 MASTER_ADDR=127.0.0.1 MASTER_PORT="$(<"$work/port")" "${elastic[@]}" --timeout 1
kill "$listener"
bad 5 "rank 0 does not answer at 127.0.0.1:$(<"$work/port")" \
  env RANK=1 WORLD_SIZE=2 MASTER_ADDR=127.0.0.1 MASTER_PORT="$(<"$work/port")" "${elastic[@]}" --timeout 1
bad 2 "cannot read the secret" env RANK=0 WORLD_SIZE=2 MASTER_ADDR=127.0.0.1 MLRUN_SECRET_FILE="$work/none" "${elastic[@]}"

address=$(hostname -I | awk '{print $1}')
if [[ -n $address ]]; then
  network=(env RANK=0 WORLD_SIZE=2 "MASTER_ADDR=$address" "MASTER_PORT=$(<"$work/port")")
  bad 5 "rank 1" "${network[@]}" "${elastic[@]}" --timeout 1
  grep -q "without a secret.*MLRUN_SECRET" "$work/stderr" || fail "nobody warns of a missing secret"
  bad 5 "rank 1" "${network[@]}" MLRUN_SECRET=sesame "${elastic[@]}" --timeout 1
  ! grep -q "without a secret" "$work/stderr" || fail "a given secret is not seen"
else
  echo "skipped: this machine has no address that others reach"
fi

section "plans"
size=$(stat -c %s "$plan")
bad 3 "cannot read the plan $work/none.plan: No such file.*mlc MODEL.mlg" "$mlrun" train "$work/none.plan"
bad 3 "Is a directory" "$mlrun" train "$work"
bad 3 "is not a plan" "$mlrun" train "$model"
: >"$work/bad.plan"
bad 3 "the file is empty" "$mlrun" inspect "$work/bad.plan"
for keep in 8 100 $((size / 2)) -1; do
  damage cut "$plan" "$work/bad.plan" "$keep"
  bad 3 "is not a plan|the plan is damaged" "$mlrun" train "$work/bad.plan" --data "$digits"
done
for byte in 40 $((size / 3)) $((size / 2)) -40; do
  damage flip "$plan" "$work/bad.plan" "$byte"
  bad 3 "bad.plan: the plan is damaged" "$mlrun" train "$work/bad.plan" --data "$digits"
  bad 3 "bad.plan: the plan is damaged" "$mlrun" inspect "$work/bad.plan"
done
# A plan for a CPU that nobody has.
"$mlc" "$model" --emit plan | sed 's/features = \[/features = ["avx4096", /' >"$work/future.mlir"
"$mlc" "$work/future.mlir" --compile-from plan -o "$work/future.plan"
bad 4 "needs avx4096, which this CPU does not have; compile with --mcpu" \
  "$mlrun" train "$work/future.plan" --data "$digits"
bad 4 "needs avx4096" "$mlrun" bench "$work/future.plan"

section "weights and checkpoints"
good=$work/good.safetensors
bad 3 "cannot open '$work/none'" "${eval[@]}" --weights "$work/none"
bad 3 "no valid safetensors file" "${eval[@]}" --weights "$plan"
for keep in 0 4 50 -4; do
  damage cut "$good" "$work/bad.safetensors" "$keep"
  bad 3 "bad.safetensors" "${eval[@]}" --weights "$work/bad.safetensors"
done
damage tensors "$good" "$work/bad.safetensors" drop hidden.b
bad 3 "has no tensor 'hidden.b'" "${eval[@]}" --weights "$work/bad.safetensors"
damage tensors "$good" "$work/bad.safetensors" rename hidden.b hiden.b
bad 3 "has no tensor 'hidden.b'; did you mean" "${eval[@]}" --weights "$work/bad.safetensors"
damage tensors "$good" "$work/bad.safetensors" turn head.w
bad 3 "head.w.*10.*64.*64.*10" "${eval[@]}" --weights "$work/bad.safetensors"
damage tensors "$good" "$work/bad.safetensors" add extra
bad 3 "extra" "${eval[@]}" --weights "$work/bad.safetensors"
newest=$work/checkpoint/latest
resume=("$mlrun" train "$plan" --data "$digits" --epochs 2 -q --resume --checkpoint "$work/bad")
damaged_copy() { rm -rf "$work/bad" && cp -a "$work/checkpoint" "$work/bad"; }
damaged_copy && damage flip "$newest/weights.safetensors" "$work/bad/latest/weights.safetensors" -10
bad 3 "does not have the checksum" "${resume[@]}"
bad 3 "does not have the checksum" "${eval[@]}" --weights "$work/bad"
damaged_copy && damage cut "$newest/weights.safetensors" "$work/bad/latest/weights.safetensors" 1000
older=$(cd "$work/checkpoint" && ls -d step-*/ | sort -V | head -1)
older=${older%/} latest=$(readlink "$newest")
[[ $older != "$latest" ]] || fail "one checkpoint only"
remedy="remove the folder '$work/bad/$latest', and --resume .* takes the intact '$work/bad/$older'"
for user in resume eval; do
  command=("${resume[@]}")
  [[ $user == resume ]] || command=("${eval[@]}" --weights "$work/bad")
  bad 3 "'$work/bad/$latest' is damaged: weights.safetensors has 1000 bytes, and manifest.json says [0-9]+; $remedy" "${command[@]}"
done
damaged_copy && rm "$work/bad/latest/manifest.json"
bad 3 "manifest.json is missing; $remedy" "${resume[@]}"
damaged_copy && rm "$work/bad"/step-*/weights.safetensors
bad 3 "weights.safetensors is missing; no other step-N folder there is intact" "${resume[@]}"
rm "$work/bad/latest"
bad 3 "holds no intact checkpoint: $latest is damaged: .*; $older is damaged: " "${resume[@]}"
[[ -d $work/bad/$latest && -d $work/bad/$older ]] || fail "a refused run removed checkpoints"
damaged_copy && rm "$work/bad/latest/weights.safetensors"
bad 3 "weights.safetensors is missing" "${resume[@]}"
damaged_copy && damage cut "$newest/manifest.json" "$work/bad/latest/manifest.json" 50
bad 3 "manifest.json is not a JSON object" "${resume[@]}"
damaged_copy && damage manifest "$newest/manifest.json" "$work/bad/latest/manifest.json" step '"many"'
bad 3 "manifest.json lacks a field" "${resume[@]}"
damaged_copy && damage manifest "$newest/manifest.json" "$work/bad/latest/manifest.json" schema_version 2
bad 3 "schema_version 2.*newer mlrun" "${resume[@]}"
damaged_copy
"$mlc" "$model" -o "$work/other.plan" --set train.batch=64
bad 2 "cannot resume: .*batch|cannot resume: .*model" "${resume[@]/$plan/$work/other.plan}"
sed 's/linear(64)/linear(32)/' "$model" >"$work/model/narrow.mlg"
"$mlc" "$work/model/narrow.mlg" -o "$work/narrow.plan"
bad 2 "cannot resume: the checkpoint is of another model" "${resume[@]/$plan/$work/narrow.plan}"
bad 2 "not the checkpoint's seed" "${resume[@]}" --seed 5
anew=("$mlrun" train "$plan" --data "$digits" --epochs 2 -q --checkpoint "$work/bad")
bad 2 "checkpoint $work/bad: it holds step ${latest#step-} of the model digits; go on with --resume, or give another folder" "${anew[@]}"
bad 2 "it holds step ${latest#step-} of another model, [a-z]+; give another folder" "${anew[@]/$plan/$work/narrow.plan}"
bad 2 "it is a checkpoint itself; give the folder that it is in" "${resume[@]/%bad/bad/latest}"
diff -r "$work/checkpoint" "$work/bad" >/dev/null || fail "a refused run changed the checkpoint"
"$mlrun" train "$plan" --data "$digits" --epochs 100000 -q --checkpoint "$work/taken" --checkpoint-every 1000000000 >/dev/null 2>&1 &
first=$!
trap "kill -KILL $first 2>/dev/null || true" EXIT
until [[ -e $work/taken/.lock ]]; do sleep 0.1; done
bad 1 "another run writes there" "$mlrun" train "$plan" --data "$digits" --epochs 1 -q --resume --checkpoint "$work/taken"
kill -INT $first
wait $first || true

section "text and tokens"
mkdir "$work/text"
for reader in 'text("t.txt"' 'text("t.txt", bytes = true' 'bin("t.txt", dtype = u16'; do
  name=$(tr -dc a-z0-9 <<<"$reader")
  cat >"$work/text/$name.mlg" <<MLG
model m {
  input x: i32[B, 4]
  input next: i32[B]
  loss cross_entropy(embedding(x, 20, 3)[:, 0] |> linear(400), next)
}
data { train = $reader, columns = (x = 0..4, next = 4)) }
train { steps = 1; batch = 2; optimizer = sgd(lr = 1e-3) }
MLG
  "$mlc" "$work/text/$name.mlg" -o "$work/text/$name.plan"
done
# text_case CODE PATTERN PLAN PRINTF: t.txt with these bytes.
text_case() {
  # shellcheck disable=SC2059
  printf "$4" >"$work/text/t.txt"
  bad "$1" "$2" "$mlrun" train "$work/text/$3.plan" --data "$work/text" -q
}
bad 3 "cannot open data file" "$mlrun" train "$work/text/textttxt.plan" --data "$work/none"
text_case 3 "is not UTF-8 at byte 3" textttxt 'abc\xffde'
text_case 3 "has 4 characters in the part .*a row needs 5" textttxt 'abcd'
text_case 3 "has 21 different characters.*input 'x' allows 20" textttxt 'abcdefghijklmnopqrstu'
text_case 3 "byte 0 .*97 is outside \[0, 20\)" textttxtbytestrue 'abcdefg'
text_case 3 "has 0 bytes" textttxtbytestrue ''
text_case 3 "has 11 bytes, which are no tokens of 2 bytes" binttxtdtypeu16 '1234567890a'
text_case 3 "token 0 .*12594 is outside \[0, 20\)" binttxtdtypeu16 '2121212121'

section "CSV"
csv=("$mlrun" train "$plan" --data "$work/csv" --epochs 1 -q)
# csv_case CODE PATTERN SED: the digits with an edit.
csv_case() {
  rm -rf "$work/csv" && mkdir "$work/csv"
  zcat "$digits/digits.csv.gz" | sed -E "$3" | gzip -1 >"$work/csv/digits.csv.gz"
  bad "$1" "$2" "${csv[@]}"
}
bad 3 "cannot open data file '$work/none/digits.csv.gz'" "$mlrun" train "$plan" --data "$work/none"
csv_case 3 "line 5 .*has 64 columns.*65" '5s/,[^,]*$//'
csv_case 3 "line 1 .*has 1 columns.*wants columns 0..64" '1s/,.*//'
csv_case 3 "line 7 .*column 3: 'x' is not a number" '7s/^([^,]*,[^,]*,[^,]*),[^,]*/\1,x/'
csv_case 3 "line 7 .*column 0: .*not finite" '7s/^[^,]*/nan/'
csv_case 3 "line 7 .*column 0: .*not finite" '7s/^[^,]*/-inf/'
csv_case 3 "line 7 .*column 0: .*(range|too large)" '7s/^[^,]*/1e300/'
csv_case 3 "line 9 .*column 64: 10 is outside \[0, 10\)" '9s/[^,]*$/10/'
csv_case 3 "line 9 .*column 64: -1 is outside \[0, 10\)" '9s/[^,]*$/-1/'
csv_case 3 "line 9 .*column 64: .*not a whole number" '9s/[^,]*$/3.5/'
csv_case 3 "line 9 .*column 64: the field is empty" '9s/[^,]*$//'
csv_case 3 "has 100 rows, but split .* wants rows" '101,$d'
csv_case 3 "has 0 rows" '1,$d'
sed 's/lr = 1e-3/lr = 1e38/' "$model" >"$work/model/wild.mlg"
"$mlc" "$work/model/wild.mlg" -o "$work/wild.plan"
bad 1 "the loss became (nan|infinite) at step [23] .epoch 1.*lower the learning rate" \
  "${train[@]/$plan/$work/wild.plan}" -o "$work/wild.safetensors"
[[ ! -e $work/wild.safetensors ]] || fail "weights were written after a loss that is no number"
: >"$work/csv/digits.csv.gz"
bad 3 "digits.csv.gz" "${csv[@]}"
zcat "$digits/digits.csv.gz" >"$work/csv/digits.csv.gz"
bad 3 "not in gzip format" "${csv[@]}"
damage cut "$digits/digits.csv.gz" "$work/csv/digits.csv.gz" 20000
bad 3 "cut off in the middle of its gzip data" "${csv[@]}"
damage flip "$digits/digits.csv.gz" "$work/csv/digits.csv.gz" 20000
bad 3 "damaged gzip data|not a number|columns|line" "${csv[@]}"
rm "$work/csv/digits.csv.gz" && mkdir "$work/csv/digits.csv.gz"
bad 3 "digits.csv.gz" "${csv[@]}"

section "IDX"
"$mlc" "$source_dir/examples/fashion_mnist/mlp.mlg" -o "$work/mlp.plan"
# idx_case CODE PATTERN FILE: small good files, FILE replaced by $work/bad.idx.
idx_case() {
  rm -rf "$work/idx" && mkdir "$work/idx"
  damage idx "$work/images" 100,28,28 7
  damage idx "$work/labels" 100 3
  for part in train t10k; do
    gzip -c "$work/images" >"$work/idx/$part-images-idx3-ubyte.gz"
    gzip -c "$work/labels" >"$work/idx/$part-labels-idx1-ubyte.gz"
  done
  [[ -z $3 ]] || gzip -c "$work/bad.idx" >"$work/idx/$3"
  bad "$1" "$2" "$mlrun" train "$work/mlp.plan" --data "$work/idx" --epochs 1 -q
}
images=train-images-idx3-ubyte.gz labels=train-labels-idx1-ubyte.gz
damage idx "$work/bad.idx" 100,28,28 7 00000403
idx_case 3 "$images' is not an idx file" "$images"
damage idx "$work/bad.idx" 100,28,27 7
idx_case 3 "rows of shape \[28, 27\], but input 'image' has shape \[28, 28\]" "$images"
damage idx "$work/bad.idx" 90 3
idx_case 3 "has 90 rows, but .*has 100" "$labels"
damage idx "$work/bad.idx" 100 10
idx_case 3 "row 0, column 0: 10 is outside \[0, 10\)" "$labels"
damage cut "$work/images" "$work/bad.idx" 50000
idx_case 3 "ends in row 63, but its header promises 100 rows" "$images"
damage cut "$work/images" "$work/bad.idx" 9
idx_case 3 "ends inside its idx header" "$images"
damage cut "$work/images" "$work/bad.idx" 0
idx_case 3 "is not an idx file" "$images"
cat "$work/images" "$work/labels" >"$work/bad.idx"
idx_case 3 "has more bytes than the 100 rows" "$images"

section "arrays" # more in infer.sh
infer=("$mlrun" infer "$plan" --weights "$good" --output "logits=@$work/y.npy")
damage npy "$work/x.npy" "<c8" 3,64 1
bad 3 "NumPy type '<c8'" "${infer[@]}" --input "pixels=@$work/x.npy"
damage npy "$work/x.npy" "<f4" 3,64 1
damage cut "$work/x.npy" "$work/cut.npy" 100
bad 3 "cut.npy" "${infer[@]}" --input "pixels=@$work/cut.npy"
[[ ! -e $work/y.npy ]] || fail "a failed inference wrote its output"

section "outputs"
for output in "$work/none/w" "$work"; do
  bad 1 "cannot write '$output'" "${train[@]}" -o "$output"
done
bad 1 "cannot write the log $work/none/log" "${train[@]}" --log "$work/none/log"
bad 1 "cannot make the checkpoint folder" "${train[@]}" --checkpoint "$plan/x"
bad 1 "cannot make the cache folder" "${train[@]}" --cache "$plan/x"
bad 1 "cannot write '/dev/full': No space left" "${train[@]}" -o /dev/full
bad 1 "cannot write the log /dev/full: No space left" "${train[@]}" --log /dev/full
bad 1 "No space left" "$mlrun" init "$plan" -o /dev/full
[[ -c /dev/full ]] || fail "mlrun replaced /dev/full"
"${train[@]}" -o /dev/null --log /dev/null
[[ -c /dev/null ]] || fail "mlrun replaced /dev/null"
ln -s "$work/behind.safetensors" "$work/link.safetensors"
cp "$good" "$work/behind.safetensors"
"${train[@]}" -o "$work/link.safetensors"
[[ -L $work/link.safetensors ]] || fail "mlrun replaced a symbolic link"
bad 1 "cannot write to standard output: No space left" bash -c '"$0" inspect "$1" >/dev/full' "$mlrun" "$plan"

section "a full disk"
if unshare -m true 2>/dev/null; then
  # In a mount namespace of its own, a disk of 96 KiB that holds a good file.
  full_disk() { # CODE PATTERN COMMAND...: DISK stands for the disk
    local code=$1 pattern=$2
    shift 2
    bad "$code" "$pattern" unshare -m bash -c '
      set -e
      mkdir -p "$0/disk" && mount -t tmpfs -o size=96k none "$0/disk"
      mkdir -p "$0/disk/checkpoint"
      echo good >"$0/disk/old"
      head -c 80000 /dev/zero >"$0/disk/ballast"
      status=0
      "${@//DISK/$0/disk}" || status=$?
      [[ $(<"$0/disk/old") == good ]] || { echo "the old file is gone" >&2; exit 99; }
      left=$(cd "$0/disk" && find . -name "*.tmp*" -o -name ".aside*")
      [[ -z $left ]] || { echo "left: $left" >&2; exit 98; }
      exit $status' "$work" "$@"
  }
  damage npy "$work/many.npy" "<f4" 4000,64 1
  full_disk 1 "cannot write .*old': No space left.*free some space" "${train[@]}" -o DISK/old
  full_disk 1 "No space left" "${train[@]}" -o "DISK/old" --cache DISK/cache
  full_disk 1 "No space left" "${train[@]}" --checkpoint DISK/checkpoint
  full_disk 1 "No space left" "$mlc" "$model" -o DISK/old
  full_disk 1 "No space left" "$mlrun" infer "$plan" --weights "$good" --input "pixels=@$work/many.npy" --output logits=@DISK/old
else
  echo "skipped: mount namespaces are not allowed here"
fi

section "closed pipes"
for command in "$mlrun --help" "$mlrun inspect $plan --json" "$mlc --help" "$mlc $model --emit graph"; do
  rm -f "$work/status"
  # The reader is gone before the first byte is written.
  (set +o pipefail; bash -c "sleep 0.3; $command; echo \$? >$work/status" 2>"$work/stderr" | true) || true
  status=$(<"$work/status")
  [[ $status -eq 0 ]] || { cat "$work/stderr" >&2; fail "'$command' into a closed pipe ends with $status"; }
  [[ ! -s $work/stderr ]] || { cat "$work/stderr" >&2; fail "'$command' complains of a closed pipe"; }
done

cmp "$good" "$work/kept.safetensors" || fail "a failed command changed the weights"
"${eval[@]}" --weights "$good" >/dev/null
no_process_left
echo "$cases cases"
