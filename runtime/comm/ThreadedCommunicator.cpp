//===- ThreadedCommunicator.cpp - Collectives on a thread of their own ----===//
//
// The whole collective goes to the thread, not each of its messages: the two
// changes of thread happen once.
//
//===----------------------------------------------------------------------===//

#include "runtime/comm/ThreadedCommunicator.h"

namespace mlrt {

namespace {

class ThreadedCommunicator final : public Communicator {
public:
  ThreadedCommunicator(std::shared_ptr<ThreadOfItsOwn> newThread,
                       std::unique_ptr<Communicator> newInner)
      : thread(std::move(newThread)), inner(std::move(newInner)) {}

  int rank() const override { return inner->rank(); }
  int size() const override { return inner->size(); }
  std::string_view transport() const override { return inner->transport(); }

  Status allReduce(void *data, size_t count, DType dtype,
                   ReductionKind reduction, bool tree,
                   const CollectiveTag &tag) override {
    return there([&] {
      return inner->allReduce(data, count, dtype, reduction, tree, tag);
    });
  }
  Status broadcast(void *data, size_t sizeBytes, int root,
                   const CollectiveTag &tag) override {
    return there([&] { return inner->broadcast(data, sizeBytes, root, tag); });
  }
  Status allGather(const void *data, size_t sizeBytes, void *gathered,
                   const CollectiveTag &tag) override {
    return there(
        [&] { return inner->allGather(data, sizeBytes, gathered, tag); });
  }
  Status barrier(const CollectiveTag &tag) override {
    return there([&] { return inner->barrier(tag); });
  }
  Result<std::unique_ptr<Communicator>>
  subgroup(std::span<const int> ranks) override {
    Result<std::unique_ptr<Communicator>> made = inner->subgroup(ranks);
    if (!made.ok())
      return made;
    return makeThreadedCommunicator(thread, std::move(*made));
  }

  void bePatient() override { inner->bePatient(); }
  uint64_t sentBytes() const override { return inner->sentBytes(); }
  uint64_t wireBytes() const override { return inner->wireBytes(); }
  size_t stagingBytes() const override { return inner->stagingBytes(); }
  void abort(const std::string &reason) override { inner->abort(reason); }
  void requestStop(int signal) override { inner->requestStop(signal); }
  int agreedStop() const override { return inner->agreedStop(); }

private:
  template <typename Collective> Status there(const Collective &collective) {
    Status status;
    thread->run([&] { status = collective(); });
    return status;
  }

  std::shared_ptr<ThreadOfItsOwn> thread;
  std::unique_ptr<Communicator> inner;
};

} // namespace

std::unique_ptr<Communicator>
makeThreadedCommunicator(std::shared_ptr<ThreadOfItsOwn> thread,
                         std::unique_ptr<Communicator> inner) {
  return std::make_unique<ThreadedCommunicator>(std::move(thread),
                                                std::move(inner));
}

} // namespace mlrt
