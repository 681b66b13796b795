//===- FusionGroups.cpp - Which ops share a kernel ------------------------===//
//
// Greedy, in the order of the block: first elementwise ops join their only
// reader, which gives trees; then each tree joins the latest anchor that it
// reads, else the reduction that alone reads it, else the elementwise groups
// that it reads. A merge that would make two groups wait for each other is
// left out.
//
//===----------------------------------------------------------------------===//

#include "passes/analysis/FusionGroups.h"

#include "ir/graph/GraphInterfaces.h"
#include "ir/graph/ReadsMemory.h"

#include "mlir/IR/BuiltinTypes.h"
#include "llvm/ADT/SmallPtrSet.h"

#include <optional>
#include <queue>

using namespace mlir;

namespace mlc {

//===----------------------------------------------------------------------===//
// What ops may do in a group
//===----------------------------------------------------------------------===//

using graph::FusionRole;

static std::optional<FusionRole> roleOf(Operation *op) {
  auto fusion = dyn_cast_if_present<graph::FusionOpInterface>(op);
  return fusion ? std::optional(fusion.getFusionRole()) : std::nullopt;
}

static bool isElementwise(Operation *op) {
  return roleOf(op) == FusionRole::Elementwise;
}

bool isView(Operation *op) { return roleOf(op) == FusionRole::View; }

/// Anchors whose operand may be computed element by element on load.
static bool acceptsPrologue(Operation *op) {
  auto fusion = dyn_cast<graph::FusionOpInterface>(op);
  return fusion && fusion.acceptsPrologue();
}

/// Anchors with whose result elementwise ops may go on.
static bool acceptsEpilogue(Operation *op) {
  auto fusion = dyn_cast<graph::FusionOpInterface>(op);
  return fusion && fusion.acceptsEpilogue();
}

static ArrayRef<int64_t> shapeOf(Operation *op) {
  return cast<RankedTensorType>(op->getResult(0).getType()).getShape();
}

Value getViewedValue(Value value) {
  while (isView(value.getDefiningOp()))
    value = value.getDefiningOp()->getOperand(0);
  return value;
}

static bool isCopied(Operation *op) { return roleOf(op) == FusionRole::Copied; }

bool isFree(Operation *op) {
  return isCopied(op) || roleOf(op) == FusionRole::Immediate;
}

bool isConstant(Operation *op) {
  std::optional<FusionRole> role = roleOf(op);
  return role == FusionRole::Immediate || role == FusionRole::Constant;
}

bool needsMemory(OpOperand &use) {
  Operation *reader = use.getOwner();
  return !isElementwise(reader) && !acceptsPrologue(reader) && !isFree(reader);
}

/// Is the copied `op` also computed into memory of its own.
static bool isMaterialized(Operation *op) {
  return llvm::any_of(op->getUses(),
                      [](OpOperand &use) { return needsMemory(use); });
}

/// What `value` is a view of, through free ops too; null where there is no view
/// between. A kernel cannot read what it writes itself through a view.
static Value getSourceBehindView(Value value) {
  bool view = false;
  for (Operation *op = value.getDefiningOp();
       op && (isView(op) || isCopied(op)); op = value.getDefiningOp()) {
    view |= isView(op);
    value = op->getOperand(0);
  }
  return view ? value : Value();
}

static void visitSource(OpOperand &use, function_ref<void(Value)> fn) {
  Value value = use.get();
  Operation *producer = value.getDefiningOp();
  if (!producer || !(isFree(producer) || isView(producer)) ||
      (isCopied(producer) && needsMemory(use)))
    return fn(value);
  for (OpOperand &operand : producer->getOpOperands())
    visitSource(operand, fn);
}

void forEachSource(Operation *op, function_ref<void(Value)> fn) {
  op->walk([&](Operation *nested) {
    bool copied =
        isFree(nested) && !(isCopied(nested) && isMaterialized(nested));
    if (nested != op && (copied || isView(nested)))
      return; // seen from their readers
    for (OpOperand &use : nested->getOpOperands())
      visitSource(use, [&](Value value) {
        Operation *producer = value.getDefiningOp();
        bool inside =
            producer
                ? producer != op && op->isAncestor(producer)
                : op->isAncestor(
                      cast<BlockArgument>(value).getOwner()->getParentOp());
        if (!inside)
          fn(value);
      });
  });
}

//===----------------------------------------------------------------------===//
// Groups
//===----------------------------------------------------------------------===//

FusionGroups::FusionGroups(Block &block, FusionMode mode) : mode(mode) {
  for (Operation &op : block) {
    if ((isCopied(&op) && !isMaterialized(&op)) || isView(&op) ||
        isConstant(&op) || op.hasTrait<OpTrait::IsTerminator>())
      continue;
    indexOf[&op] = nodes.size();
    nodes.push_back(&op);
  }
  for (auto [i, op] : llvm::enumerate(nodes)) {
    parent.push_back(i);
    members.push_back({static_cast<int>(i)});
    auto &list = sources.emplace_back();
    forEachSource(op, [&](Value value) {
      Operation *producer = value.getDefiningOp();
      if (auto it = indexOf.find(producer); producer && it != indexOf.end())
        list.push_back(it->second);
    });
    auto &behindViews = viewed.emplace_back();
    for (Value operand : op->getOperands())
      if (Value source = getSourceBehindView(operand))
        if (auto it = indexOf.find(source.getDefiningOp()); it != indexOf.end())
          behindViews.push_back(it->second);
    if (op->hasTrait<graph::ReadsMemory>())
      behindViews.append(list);
  }
  if (mode != FusionMode::None) {
    joinTrees();
    for (int node = 0, e = nodes.size(); node != e; ++node) {
      if (isElementwise(nodes[node]))
        joinProducers(node);
      else if (mode == FusionMode::All)
        joinSharedWork(node);
    }
  }
  sortGroups();
}

int FusionGroups::find(int node) const {
  while (parent[node] != node)
    node = parent[node] = parent[parent[node]];
  return node;
}

/// Does group `from` need, directly or not, a result of group `to`.
bool FusionGroups::reaches(int from, int to,
                           llvm::DenseMap<int, bool> &seen) const {
  if (from == to)
    return true;
  auto [it, fresh] = seen.try_emplace(from, false);
  if (!fresh)
    return it->second;
  for (int member : members[from])
    for (int source : sources[member])
      if (int group = find(source); group != from && reaches(group, to, seen))
        return seen[from] = true;
  return false;
}

bool FusionGroups::tryMerge(int a, int b) {
  a = find(a), b = find(b);
  if (a == b)
    return true;
  for (auto [from, to] : {std::pair(a, b), std::pair(b, a)}) {
    llvm::DenseMap<int, bool> seen;
    for (int member : members[from])
      for (int source : viewed[member])
        if (find(source) == to)
          return false;
    for (int member : members[from])
      for (int source : sources[member])
        if (int group = find(source);
            group != from && group != to && reaches(group, to, seen))
          return false;
  }
  if (a > b)
    std::swap(a, b);
  parent[b] = a;
  members[a].append(members[b]);
  llvm::sort(members[a]);
  members[b].clear();
  return true;
}

/// Joins elementwise ops with the one op of their shape that reads them. Never
/// makes a cycle: every path out of the tree begins at its root.
void FusionGroups::joinTrees() {
  for (auto [i, op] : llvm::enumerate(nodes)) {
    if (!isElementwise(op))
      continue;
    llvm::SmallPtrSet<Operation *, 2> readers(op->user_begin(), op->user_end());
    if (readers.size() != 1)
      continue;
    auto it = indexOf.find(*readers.begin());
    if (it != indexOf.end() && isElementwise(it->first) &&
        shapeOf(it->first) == shapeOf(op))
      tryMerge(i, it->second);
  }
}

/// Joins the tree with root `node` to what it reads.
void FusionGroups::joinProducers(int node) {
  int group = find(node);
  if (members[group].back() != node)
    return; // not the root of its tree
  auto anchorOf = [&](int root) {
    Operation *anchor = nullptr;
    for (int member : members[root])
      if (!isElementwise(nodes[member]))
        anchor = nodes[member];
    return anchor;
  };
  ArrayRef<int64_t> shape = shapeOf(nodes[node]);
  // Groups that compute an operand of this shape, the latest first.
  SmallVector<int> producers;
  for (int member : members[group])
    for (Value operand : nodes[member]->getOperands())
      if (auto it = indexOf.find(operand.getDefiningOp());
          it != indexOf.end() && find(it->second) != group &&
          shapeOf(it->first) == shape)
        producers.push_back(it->second);
  llvm::sort(producers, std::greater<>());

  if (mode == FusionMode::All) {
    llvm::SmallPtrSet<Operation *, 2> readers(nodes[node]->user_begin(),
                                              nodes[node]->user_end());
    auto reader =
        readers.size() == 1 ? indexOf.find(*readers.begin()) : indexOf.end();
    bool intoReader = reader != indexOf.end() && acceptsPrologue(reader->first);
    // Behind an anchor the tree saves a read, unless the value that it reads is
    // stored for others anyway and its reader can compute the tree on load.
    auto isStored = [&](int producer) {
      return llvm::any_of(nodes[producer]->getUsers(), [&](Operation *user) {
        auto it = indexOf.find(user);
        return it == indexOf.end() || find(it->second) != group;
      });
    };
    for (int producer : producers) {
      Operation *anchor = anchorOf(find(producer));
      if (anchor && acceptsEpilogue(anchor) && shapeOf(anchor) == shape &&
          !(intoReader && isStored(producer)) && tryMerge(group, producer))
        break;
    }
    if (intoReader && !anchorOf(find(node))) {
      tryMerge(node, reader->second);
      return;
    }
  }
  for (int producer : producers)
    if (!anchorOf(find(producer)))
      tryMerge(node, producer);
  // Scalar arithmetic is not worth a call each.
  if (shape.empty() && !anchorOf(find(node))) {
    if (scalars < 0 || anchorOf(find(scalars)) || !tryMerge(node, scalars))
      scalars = node;
  }
}

/// Lets an anchor join another one that does the same work.
void FusionGroups::joinSharedWork(int node) {
  auto anchor = dyn_cast<graph::FusionOpInterface>(nodes[node]);
  if (!anchor)
    return;
  for (Value operand : anchor->getOperands())
    for (Operation *user : operand.getUsers())
      if (auto it = indexOf.find(user); it != indexOf.end() &&
                                        anchor.sharesWorkWith(user) &&
                                        members[find(it->second)].size() == 1)
        tryMerge(node, it->second);
}

void FusionGroups::sortGroups() {
  // Kahn's algorithm; of the groups that are ready, the one that ends first.
  int count = nodes.size();
  SmallVector<llvm::DenseMap<int, bool>> readers(count);
  SmallVector<int> waiting(count, 0);
  using Entry = std::pair<int, int>; // last node, root
  std::priority_queue<Entry, std::vector<Entry>, std::greater<>> ready;
  for (int root = 0; root != count; ++root)
    for (int member : members[root])
      for (int source : sources[member])
        if (int group = find(source);
            group != root && readers[group].try_emplace(root, true).second)
          ++waiting[root];
  for (int root = 0; root != count; ++root)
    if (!members[root].empty() && waiting[root] == 0)
      ready.push({members[root].back(), root});
  while (!ready.empty()) {
    int root = ready.top().second;
    ready.pop();
    Group &group = order.emplace_back();
    for (int member : members[root]) {
      group.ops.push_back(nodes[member]);
      if (!isElementwise(nodes[member]))
        group.anchor = nodes[member];
    }
    SmallVector<int> next;
    for (auto &reader : readers[root])
      next.push_back(reader.first);
    for (int reader : next)
      if (--waiting[reader] == 0)
        ready.push({members[reader].back(), reader});
  }
}

/// Does anything outside of `inside` read `value`, directly or through ops
/// that are copied into their readers.
static bool isReadOutside(Value value,
                          const llvm::SmallPtrSetImpl<Operation *> &inside) {
  return llvm::any_of(value.getUses(), [&](OpOperand &use) {
    Operation *user = use.getOwner();
    if (inside.contains(user))
      return false;
    if (isCopied(user) && !isMaterialized(user))
      return isReadOutside(user->getResult(0), inside);
    return true;
  });
}

SmallVector<Value> FusionGroups::getOutputs(const Group &group) {
  llvm::SmallPtrSet<Operation *, 8> inside(group.ops.begin(), group.ops.end());
  SmallVector<Value> outputs;
  for (Operation *op : group.ops)
    for (Value result : op->getResults())
      if (isReadOutside(result, inside))
        outputs.push_back(result);
  return outputs;
}

} // namespace mlc
