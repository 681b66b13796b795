//===- ThreadedCommunicator.h - Collectives on a thread of their own ------===//
#ifndef MLC_RUNTIME_COMM_THREADEDCOMMUNICATOR_H
#define MLC_RUNTIME_COMM_THREADEDCOMMUNICATOR_H

#include "runtime/comm/Communicator.h"
#include "runtime/comm/ThreadOfItsOwn.h"

namespace mlrt {

/// `inner`, whose collectives run on `thread` while the caller waits: for
/// transports that allocate for each message, which a compute thread must not.
std::unique_ptr<Communicator>
makeThreadedCommunicator(std::shared_ptr<ThreadOfItsOwn> thread,
                         std::unique_ptr<Communicator> inner);

} // namespace mlrt

#endif // MLC_RUNTIME_COMM_THREADEDCOMMUNICATOR_H
