//===- SourceLines.cpp - The source places behind a location --------------===//

#include "ir/graph/SourceLines.h"

#include "llvm/ADT/STLExtras.h"

using namespace mlir;

namespace mlc {

static void addLines(Location loc, SmallVectorImpl<FileLineColLoc> &lines) {
  if (auto place = dyn_cast<FileLineColLoc>(loc)) {
    if (!llvm::is_contained(lines, place))
      lines.push_back(place);
  } else if (auto name = dyn_cast<NameLoc>(loc)) {
    addLines(name.getChildLoc(), lines);
  } else if (auto call = dyn_cast<CallSiteLoc>(loc)) {
    SmallVector<FileLineColLoc> own = getSourceLines(call.getCaller());
    if (own.empty())
      own = getSourceLines(call.getCallee());
    for (FileLineColLoc each : own)
      addLines(each, lines);
  } else if (auto fused = dyn_cast<FusedLoc>(loc)) {
    for (Location part : fused.getLocations())
      addLines(part, lines);
  }
}

SmallVector<FileLineColLoc> getSourceLines(Location loc) {
  SmallVector<FileLineColLoc> lines;
  addLines(loc, lines);
  return lines;
}

std::string getLayerText(Location loc) {
  if (auto name = dyn_cast<NameLoc>(loc))
    return getLayerText(name.getChildLoc());
  if (auto fused = dyn_cast<FusedLoc>(loc)) {
    for (Location part : fused.getLocations())
      if (!getSourceLines(part).empty())
        return getLayerText(part);
    return "";
  }
  auto call = dyn_cast<CallSiteLoc>(loc);
  if (!call)
    return "";
  SmallVector<FileLineColLoc> lines = getSourceLines(call.getCallee());
  auto layer = dyn_cast<NameLoc>(call.getCallee());
  if (!layer || lines.empty())
    return "";
  return ("in layer " + layer.getName().getValue() + " (" +
          toString(lines.front()) + ")")
      .str();
}

std::string toString(FileLineColLoc loc) {
  return (loc.getFilename().getValue() + ":" + Twine(loc.getLine()) + ":" +
          Twine(loc.getColumn()))
      .str();
}

} // namespace mlc
