//===- BuiltinsWindow.cpp - Convolutions and pools ------------------------===//

#include "frontend/Elaborator.h"

#include <algorithm>

namespace mlc::frontend {

/// Along dimension `i`: ` along dimension 2, 3`.
static std::string along(const std::vector<graph::WindowDim> &window,
                         size_t i) {
  return window.size() == 1 ? "" : i == 0 ? " in height" : " in width";
}

Node *Elaborator::requireImages(const Actual &x, const std::string &name,
                                size_t spatial) {
  Node *node = requireTensor(x.value, x.span, ("`" + name + "`").c_str());
  if (!node)
    return nullptr;
  const TensorType &type = node->type;
  bool fits = spatial == 0 ? type.rank() == 3 || type.rank() == 4
                           : type.rank() == static_cast<int64_t>(spatial) + 2;
  if (!fits) {
    std::string shapes = spatial == 1   ? "`[B, channels, length]`"
                         : spatial == 2 ? "`[B, channels, height, width]`"
                                        : "`[B, channels, length]` or "
                                          "`[B, channels, height, width]`";
    context
        .error(Code::RankMismatch, x.span,
               "`" + name + "` takes " + shapes + ", and this is a `" +
                   spell(type) + "`")
        .help("`reshape` or `[:, None]` gives it the dimension of channels");
    return nullptr;
  }
  if (type.batchDim() > 0) {
    context
        .error(Code::BatchMixed, x.span,
               "`" + name +
                   "` would mix examples of the batch, which is "
                   "dimension " +
                   std::to_string(type.batchDim()) + " of a `" + spell(type) +
                   "`")
        .help("`transpose` it to the front");
    return nullptr;
  }
  if (type.dtype == DType::Bool) {
    context
        .error(Code::WrongElementType, x.span,
               "`" + name + "` needs numbers, found " + x.value.describe())
        .help("convert it first: `float(x)`");
    return nullptr;
  }
  return isFloat(type.dtype) ? node : build.cast(node, context.compute);
}

std::optional<std::vector<int64_t>>
Elaborator::toExtents(const Actual &actual, const char *what, size_t spatial,
                      int64_t least, int64_t otherwise) {
  std::vector<int64_t> numbers(spatial, otherwise);
  if (!actual.given)
    return numbers;
  const Value &value = actual.value;
  bool list = value.is(Value::Kind::Tuple) || value.is(Value::Kind::List);
  bool fits = list
                  ? value.elements.size() == spatial ||
                        (value.elements.size() == 2 && spatial == 1 &&
                         value.elements[0].integer == value.elements[1].integer)
                  : value.is(Value::Kind::Int);
  for (size_t i = 0; fits && i < spatial; ++i) {
    const Value &one = list ? value.elements[i] : value;
    fits = one.is(Value::Kind::Int);
    numbers[i] = one.integer;
  }
  if (!fits) {
    context.error(Code::ExpectedConstant, actual.span,
                  std::string("`") + what + "` is an integer" +
                      (spatial == 2 ? " or a pair of them" : "") + ", found " +
                      value.describe());
    return std::nullopt;
  }
  constexpr int64_t kMost = int64_t{1} << 31;
  for (int64_t number : numbers)
    if (number < least || number > kMost) {
      context.error(Code::ShapeMismatch, actual.span,
                    std::string("`") + what + "` is at least " +
                        std::to_string(least) + ", found " +
                        std::to_string(number));
      return std::nullopt;
    }
  return numbers;
}

bool Elaborator::fitsWindow(const std::vector<graph::WindowDim> &window,
                            const CallSite &site) {
  for (size_t i = 0; i < window.size(); ++i) {
    const graph::WindowDim &dim = window[i];
    if (dim.places() >= 1)
      continue;
    bool pads = dim.low > 0 || dim.high > 0;
    context
        .error(Code::ShapeMismatch, site.call.span,
               "a window of " + std::to_string(dim.reach()) + " elements" +
                   along(window, i) + " doesn't fit into " +
                   std::to_string(dim.paddedInput()) +
                   (pads ? ", padding included" : ""))
        .help("take a smaller kernel, or more `padding`");
    return false;
  }
  return true;
}

Value Elaborator::builtinConvolution(CallSite &site) {
  const std::string &name = site.call.callee.text;
  const bool transposed = name == "transposed_convolution";
  Node *x = requireImages(site.args[0], name, 0);
  Node *w = x ? requireTensor(site.args[1].value, site.args[1].span,
                              "the kernel of a convolution")
              : nullptr;
  if (!w)
    return {};
  const size_t spatial = x->type.shape.size() - 2;
  if (w->type.rank() != x->type.rank() || w->type.batchDim() >= 0) {
    context.error(Code::RankMismatch, site.args[1].span,
                  "a kernel for `" + spell(x->type) + "` has " +
                      std::to_string(x->type.rank()) +
                      " dimensions without the batch, and this is a `" +
                      spell(w->type) + "`");
    return {};
  }
  if (w->type.dtype != x->type.dtype) {
    context
        .error(Code::ElementTypeMismatch, site.args[1].span,
               "a kernel of `" + std::string(spell(w->type.dtype)) +
                   "` doesn't fit `" + spell(x->type) + "`")
        .help("convert one: `" + std::string(spell(x->type.dtype)) + "(...)`");
    return {};
  }
  auto stride = toExtents(site.args[2], "stride", spatial, 1, 1);
  auto padding =
      stride ? toExtents(site.args[3], "padding", spatial, 0, 0) : std::nullopt;
  auto dilation = padding ? toExtents(site.args[4], "dilation", spatial, 1, 1)
                          : std::nullopt;
  if (!dilation)
    return {};
  int64_t groups = 1;
  if (site.args[5].given) {
    auto number = toInt(site.args[5], "groups");
    if (!number)
      return {};
    groups = *number;
  }
  std::vector<int64_t> more(spatial, 0);
  if (transposed) {
    auto numbers = toExtents(site.args[6], "output_padding", spatial, 0, 0);
    if (!numbers)
      return {};
    more = *numbers;
  }
  const Shape &kernel = w->type.shape;
  int64_t channels = x->type.shape[1].size;
  int64_t outputs = kernel[0].size, inputs = kernel[1].size * groups;
  if (transposed)
    std::swap(outputs, inputs), outputs = kernel[1].size * groups;
  if (groups < 1 || channels % groups != 0 || outputs % groups != 0) {
    context
        .error(Code::ShapeMismatch, site.call.span,
               std::to_string(groups) + " groups don't divide " +
                   std::to_string(channels) + " channels in and " +
                   std::to_string(outputs) + " out")
        .help("`groups` is a divisor of both");
    return {};
  }
  if (inputs != channels) {
    context
        .error(Code::ShapeMismatch, site.call.span,
               "a kernel `" + spell(w->type) + "` is for " +
                   std::to_string(inputs) + " channels, and `" +
                   spell(x->type) + "` has " + std::to_string(channels))
        .help(transposed ? "it is `[in, out / groups, ...]`"
                         : "it is `[out, in / groups, ...]`");
    return {};
  }
  std::vector<graph::WindowDim> window;
  for (size_t i = 0; i < spatial; ++i) {
    graph::WindowDim dim;
    dim.input = x->type.shape[i + 2].size;
    dim.window = kernel[i + 2].size;
    dim.windowDilation = (*dilation)[i];
    if (transposed) {
      dim.inputDilation = (*stride)[i];
      dim.low = dim.reach() - 1 - (*padding)[i];
      dim.high = dim.low + more[i];
      if (more[i] > 0 && more[i] >= std::max((*stride)[i], (*dilation)[i])) {
        context.error(Code::ShapeMismatch, site.args[6].span,
                      "`output_padding` is below `stride` or `dilation`, "
                      "found " +
                          std::to_string(more[i]));
        return {};
      }
    } else {
      dim.stride = (*stride)[i];
      dim.low = dim.high = (*padding)[i];
    }
    window.push_back(dim);
  }
  if (!fitsWindow(window, site))
    return {};
  return Value::tensor(
      build.convolution(x, w, window, outputs, groups, transposed));
}

Value Elaborator::builtinPool(CallSite &site) {
  const std::string &name = site.call.callee.text;
  const size_t spatial = name.ends_with("1d") ? 1 : 2;
  const bool isMax = name.starts_with("max");
  Node *x = requireImages(site.args[0], name, spatial);
  if (!x)
    return {};
  auto kernel = toExtents(site.args[1], "kernel", spatial, 1, 1);
  auto stride =
      kernel ? toExtents(site.args[2], "stride", spatial, 1, 0) : std::nullopt;
  auto padding =
      stride ? toExtents(site.args[3], "padding", spatial, 0, 0) : std::nullopt;
  std::optional<std::vector<int64_t>> dilation;
  if (padding)
    dilation = isMax ? toExtents(site.args[4], "dilation", spatial, 1, 1)
                     : std::vector<int64_t>(spatial, 1);
  if (!dilation)
    return {};
  bool includePadding = true;
  if (!isMax && site.args[4].given) {
    if (!site.args[4].value.is(Value::Kind::Bool)) {
      context.error(Code::ExpectedConstant, site.args[4].span,
                    "`count_include_pad` is `true` or `false`");
      return {};
    }
    includePadding = site.args[4].value.truth;
  }
  std::vector<graph::WindowDim> window;
  for (size_t i = 0; i < spatial; ++i) {
    graph::WindowDim dim;
    dim.input = x->type.shape[i + 2].size;
    dim.window = (*kernel)[i];
    dim.stride = site.args[2].given ? (*stride)[i] : dim.window;
    dim.low = dim.high = (*padding)[i];
    dim.windowDilation = (*dilation)[i];
    // As in PyTorch; so every window meets an element.
    if (2 * dim.low > dim.window) {
      context
          .error(Code::ShapeMismatch, site.args[3].span,
                 "a padding of " + std::to_string(dim.low) +
                     " is more than half of a window of " +
                     std::to_string(dim.window))
          .help("take a larger kernel, or less `padding`");
      return {};
    }
    window.push_back(dim);
  }
  if (!fitsWindow(window, site))
    return {};
  if (isMax)
    return Value::tensor(build.pool("max_pool", x, window));
  Node *sum = build.pool("sum_pool", x, window);
  const DType dtype = x->type.dtype;
  int64_t size = 1;
  bool pads = false;
  for (const graph::WindowDim &dim : window) {
    size *= dim.window;
    pads |= dim.low > 0;
  }
  Node *count;
  if (includePadding || !pads) {
    count = build.constant(dtype, {}, size);
  } else {
    Shape one = x->type.shape;
    one[0] = one[1] = Dim::of(1);
    count =
        build.pool("sum_pool", build.constant(dtype, one, int64_t{1}), window);
    Shape places(count->type.shape.begin() + 2, count->type.shape.end());
    count = build.reshape(count, places);
  }
  return Value::tensor(
      build.binary("div", sum, build.broadcast(count, sum->type.shape)));
}

} // namespace mlc::frontend
