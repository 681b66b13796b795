//===- Checkpoint.h - Training state on disk ------------------------------===//
//
// DIR/step-N/{manifest.json, weights.safetensors}; DIR/latest is a symbolic
// link to the newest. A folder is written aside, synced and renamed, so that
// DIR/step-N is whole or absent.
//
//===----------------------------------------------------------------------===//
#ifndef MLC_RUNTIME_CHECKPOINT_CHECKPOINT_H
#define MLC_RUNTIME_CHECKPOINT_CHECKPOINT_H

#include "runtime/checkpoint/Safetensors.h"

namespace mlrt {

/// What the evaluations so far were; plain, so that it can be broadcast.
struct WatchState {
  double best = 0;
  uint64_t bestStep = 0;  ///< after which it was seen; 0: nothing yet
  uint64_t evaluated = 0; ///< the step of the last evaluation
  uint64_t since = 0;     ///< evaluations after the best one
};

/// A metric (or loss) of the evaluations whose best counts.
struct Watch {
  std::string metric; ///< empty: nothing is watched
  bool lowest = false;
  WatchState seen = {};
};

/// Where training stands, and of what. Random numbers follow from seed and
/// step alone.
struct CheckpointInfo {
  uint64_t step = 0;        ///< steps done
  uint64_t epoch = 0;       ///< epoch of the next step
  uint64_t stepInEpoch = 0; ///< number of the next step in its epoch
  uint64_t seed = 0;
  uint64_t batch = 0; ///< global rows
  uint64_t modelDigest = 0;
  std::string model;
  std::string producer;
  Watch best = {}; ///< whose best evaluation DIR/best is of
  Watch stop = {}; ///< that ends training
};

/// Writes DIR/step-N, points DIR/latest to it, and DIR/best if nothing better
/// was seen; keeps of the others only the best and the one that was latest
/// before. One process at a time.
/// \returns kRunFailed for a full disk; nothing kept is lost then.
Status writeCheckpoint(const std::filesystem::path &directory,
                       const CheckpointInfo &info,
                       std::span<const NamedTensor> tensors);

struct Checkpoint {
  CheckpointInfo info;
  SafetensorsFile weights;
  std::filesystem::path folder; ///< DIR/step-N
};

/// Opens DIR (its latest) or DIR/step-N and verifies size and checksum. Where
/// latest is missing or dangles, DIR means its newest intact step-N, with a
/// warning. \returns kBadInput for an absent or damaged checkpoint, naming an
/// intact one where there is one.
Result<Checkpoint> openCheckpoint(const std::filesystem::path &path);

/// Points DIR/latest to `checkpoint`, opened as DIR/step-N, so that the next
/// write keeps it; and DIR/best to what it calls best, if that is still there:
/// the run that it is of may have ended between the two.
Status markLatest(const Checkpoint &checkpoint);

/// Whether `path` is itself a checkpoint, a DIR/step-N.
bool isCheckpoint(const std::filesystem::path &path);

/// Whether DIR holds checkpoints, intact or not.
bool hasCheckpoint(const std::filesystem::path &directory);

/// Whether training as `now` may begin anew with its checkpoints in DIR, which
/// would remove older ones. \returns kInvalidArgument saying what DIR holds.
Status checkUnused(const std::filesystem::path &directory,
                   const CheckpointInfo &now);

/// A checkpoint, or a safetensors file as the weights of one that says nothing
/// else.
Result<Checkpoint> openWeights(const std::filesystem::path &path);

/// Whether training as `now` may resume from `saved`: the same model and
/// batch. \returns kInvalidArgument saying what differs.
Status checkResume(const CheckpointInfo &saved, const CheckpointInfo &now);

} // namespace mlrt

#endif // MLC_RUNTIME_CHECKPOINT_CHECKPOINT_H
