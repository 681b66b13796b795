//===- ThreadTransport.cpp - Messages between threads ---------------------===//
//
// A message is a pointer: the receiver combines straight out of the sender's
// memory, and nothing is staged. The sender waits until its message was read.
//
//===----------------------------------------------------------------------===//

#include "runtime/comm/LocalTransport.h"

namespace mlrt {

namespace {

class ThreadTransport final : public LocalTransport {
public:
  using LocalTransport::LocalTransport;

  std::string_view name() const override { return "threads"; }
  uint64_t wireBytes() const override { return 0; }
  Status exchange(CollectiveHeader &header, const Exchange &exchange) override;

private:
  Status receive(CollectiveHeader &header, const Exchange &exchange);
  Status withdraw(LocalChannel &out, const Status &status);
};

Status ThreadTransport::exchange(CollectiveHeader &header,
                                 const Exchange &exchange) {
  MLRT_RETURN_IF_ERROR(checked());
  LocalChannel *out =
      exchange.to < 0 ? nullptr : &region.channel(own, exchange.to);
  if (out != nullptr) {
    out->header = header;
    out->data = exchange.data;
    out->sizeBytes = exchange.sendBytes;
    out->state.store(SlotState::posted);
    region.wake(exchange.to);
  }
  Status status;
  if (exchange.from >= 0)
    status = receive(header, exchange);
  if (out == nullptr)
    return status;
  if (status.ok())
    status = await(exchange.to,
                   [out] { return out->state.load() == SlotState::empty; });
  return status.ok() ? status : withdraw(*out, status);
}

/// After a failure the caller may free its memory: nobody may still read it.
Status ThreadTransport::withdraw(LocalChannel &out, const Status &status) {
  SlotState posted = SlotState::posted;
  if (!out.state.compare_exchange_strong(posted, SlotState::empty))
    while (out.state.load() == SlotState::reading) {
    }
  return status;
}

Status ThreadTransport::receive(CollectiveHeader &header,
                                const Exchange &exchange) {
  LocalChannel &in = region.channel(exchange.from, own);
  MLRT_RETURN_IF_ERROR(await(
      exchange.from, [&in] { return in.state.load() == SlotState::posted; }));
  SlotState posted = SlotState::posted;
  if (!in.state.compare_exchange_strong(posted, SlotState::reading))
    return region.failure(); // withdrawn, because the group failed
  Status status;
  if (!header.matches(in.header) || in.sizeBytes != exchange.receiveBytes) {
    status = mismatch(header, in.header);
  } else {
    exchange.sink.take(in.data, 0, in.sizeBytes);
    mergeStop(header, in.header);
  }
  in.state.store(SlotState::empty);
  if (!status.ok())
    return failWith(status);
  region.wake(exchange.from);
  return status;
}

} // namespace

std::shared_ptr<Transport>
makeThreadTransport(std::shared_ptr<LocalGroup> group, LocalRegion &region,
                    int rank) {
  return std::make_shared<ThreadTransport>(std::move(group), region, rank);
}

} // namespace mlrt
