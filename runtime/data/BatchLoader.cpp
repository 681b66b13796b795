//===- BatchLoader.cpp - Rows of a split, as micro-batches ----------------===//

#include "runtime/data/BatchLoader.h"

#include "runtime/core/Random.h"
#include "runtime/core/Thread.h"
#include "runtime/data/Dataset.h"

#include <algorithm>
#include <condition_variable>
#include <cstring>
#include <limits>
#include <mutex>
#include <numeric>
#include <thread>

namespace mlrt {

Order::Order(uint64_t rows, uint64_t seed, bool shuffle)
    : rows(rows), seed(seed), shuffle(shuffle) {
  std::iota(this->rows.begin(), this->rows.end(), 0u);
}

void Order::setEpoch(uint64_t next) {
  if (!shuffle || (valid && next == epoch))
    return;
  shuffledOrder(seed, next, rows);
  epoch = next;
  valid = true;
}

uint64_t stepsPerEpoch(uint64_t rows, uint64_t batch) {
  return rows / batch + (rows % batch != 0);
}

BatchPosition fillMicrobatch(const Dataset &data, const Order &order,
                             const LoaderOptions &options, uint64_t step,
                             uint64_t microbatch, const BatchTarget &target) {
  uint64_t start = step * options.batch;
  uint64_t batchRows = std::min(options.batch, order.size() - start);
  uint64_t begin = microbatch * options.rows;
  uint64_t real =
      begin < batchRows ? std::min(options.rows, batchRows - begin) : 0;
  for (size_t i = 0; i < options.columns.size(); ++i) {
    size_t column = options.columns[i];
    size_t bytes = data.bytesPerRow(column);
    std::byte *out = target.inputs[i];
    for (uint64_t r = 0; r < options.rows; ++r, out += bytes) {
      uint64_t position = r < real ? start + begin + r : start;
      std::memcpy(out, data.row(column, order[position]), bytes);
    }
  }
  for (uint64_t r = 0; target.mask && r < options.rows; ++r) {
    double one = r < real ? 1 : 0;
    auto narrow = static_cast<float>(one);
    if (options.maskDType == DType::f64)
      std::memcpy(target.mask + r * sizeof one, &one, sizeof one);
    else
      std::memcpy(target.mask + r * sizeof narrow, &narrow, sizeof narrow);
  }
  return {0, step, microbatch, real, batchRows};
}

struct BatchLoader::State {
  State(const Dataset &data, LoaderOptions options)
      : data(data), options(std::move(options)),
        order(data.rows(), this->options.seed, this->options.shuffle) {}

  struct Slot {
    std::vector<std::byte *> inputs;
    std::byte *mask = nullptr;
    BatchPosition position;
  };

  void allocate();
  void produce(uint64_t epoch, uint64_t step);

  const Dataset &data;
  const LoaderOptions options;
  Order order; ///< of the thread
  std::vector<std::byte> memory;
  std::vector<Slot> slots;
  size_t maskBytes = 0;

  std::mutex mutex;
  std::condition_variable changed;
  uint64_t produced = 0, consumed = 0;
  bool stop = false;
  std::thread thread;
};

void BatchLoader::State::allocate() {
  maskBytes = options.rows * sizeOf(options.maskDType);
  size_t slotBytes = maskBytes;
  for (size_t column : options.columns)
    slotBytes += options.rows * data.bytesPerRow(column);
  memory.resize(slotBytes * options.ring);
  slots.resize(options.ring);
  std::byte *at = memory.data();
  for (Slot &slot : slots) {
    for (size_t column : options.columns) {
      slot.inputs.push_back(at);
      at += options.rows * data.bytesPerRow(column);
    }
    slot.mask = at;
    at += maskBytes;
  }
}

void BatchLoader::State::produce(uint64_t epoch, uint64_t step) {
  nameThisThread("loader");
  uint64_t steps = mlrt::stepsPerEpoch(data.rows(), options.batch);
  uint64_t offset = 0;
  order.setEpoch(epoch);
  while (true) {
    {
      std::unique_lock lock(mutex);
      changed.wait(lock,
                   [&] { return stop || produced - consumed < slots.size(); });
      if (stop)
        return;
    }
    Slot &slot = slots[produced % slots.size()];
    slot.position = fillMicrobatch(data, order, options, step,
                                   options.firstMicrobatch + offset,
                                   {slot.inputs, slot.mask});
    slot.position.epoch = epoch;
    {
      std::lock_guard lock(mutex);
      ++produced;
    }
    changed.notify_all();
    if (++offset < options.microbatches)
      continue;
    offset = 0;
    if (++step < steps)
      continue;
    step = 0;
    order.setEpoch(++epoch);
  }
}

BatchLoader::BatchLoader(std::unique_ptr<State> state)
    : state(std::move(state)) {}

BatchLoader::~BatchLoader() {
  {
    std::lock_guard lock(state->mutex);
    state->stop = true;
  }
  state->changed.notify_all();
  if (state->thread.joinable())
    state->thread.join();
}

Result<std::unique_ptr<BatchLoader>>
BatchLoader::create(const Dataset &data, const LoaderOptions &options,
                    uint64_t epoch, uint64_t step) {
  auto bad = [](const std::string &what) {
    return Status(StatusCode::kInvalidArgument, "batches: " + what);
  };
  if (options.batch == 0 || options.rows == 0 || options.microbatches == 0 ||
      options.ring == 0)
    return bad("batch, rows, micro-batches and ring must be above 0");
  if (options.maskDType != DType::f32 && options.maskDType != DType::f64)
    return bad("the mask must be f32 or f64");
  for (size_t column : options.columns)
    if (column >= data.columns())
      return bad("the data has no column " + std::to_string(column));
  if (step >= mlrt::stepsPerEpoch(data.rows(), options.batch))
    return bad("step " + std::to_string(step) + " is behind the epoch");
  if (data.rows() > std::numeric_limits<uint32_t>::max())
    return Status(StatusCode::kBadInput,
                  "split '" + data.spec().name +
                      "' has 2^32 rows or more; give it fewer with `rows`");
  auto state = std::make_unique<State>(data, options);
  state->allocate();
  State *raw = state.get();
  state->thread = std::thread([=] { raw->produce(epoch, step); });
  return std::unique_ptr<BatchLoader>(new BatchLoader(std::move(state)));
}

BatchPosition BatchLoader::next(const BatchTarget &target) {
  {
    std::unique_lock lock(state->mutex);
    state->changed.wait(lock,
                        [&] { return state->produced > state->consumed; });
  }
  const State::Slot &slot = state->slots[state->consumed % state->slots.size()];
  const LoaderOptions &options = state->options;
  for (size_t i = 0; i < options.columns.size(); ++i)
    std::memcpy(target.inputs[i], slot.inputs[i],
                options.rows * state->data.bytesPerRow(options.columns[i]));
  if (target.mask)
    std::memcpy(target.mask, slot.mask, state->maskBytes);
  BatchPosition position = slot.position;
  {
    std::lock_guard lock(state->mutex);
    ++state->consumed;
  }
  state->changed.notify_all();
  return position;
}

uint64_t BatchLoader::stepsPerEpoch() const {
  return mlrt::stepsPerEpoch(state->data.rows(), state->options.batch);
}

} // namespace mlrt
