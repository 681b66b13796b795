//===- PlanSplits.cpp - The splits of a plan ------------------------------===//

#include "runtime/data/PlanSplits.h"

#include "plan_generated.h"
#include "runtime/core/Suggest.h"

namespace mlrt {

static std::string textOf(const flatbuffers::String *text) {
  return text ? text->str() : std::string();
}

static Status fillColumn(const schema::Plan &plan, const schema::Column &from,
                         ColumnSpec &to) {
  to.input = textOf(from.input());
  to.first = from.first();
  to.last = from.last();
  to.file = textOf(from.file());
  if (plan.inputs())
    for (const schema::Input *input : *plan.inputs()) {
      if (textOf(input->name()) != to.input)
        continue;
      to.dtype = static_cast<DType>(input->dtype());
      if (input->shape())
        to.shape.assign(input->shape()->begin(), input->shape()->end());
      to.limit = input->limit();
      return {};
    }
  return {StatusCode::kBadInput, "the plan's data names an input '" + to.input +
                                     "' that it does not have; compile the "
                                     "model again"};
}

Result<SplitSpec> splitOfPlan(const schema::Plan &plan, std::string_view name) {
  std::vector<std::string> names;
  if (plan.splits())
    for (const schema::Split *split : *plan.splits()) {
      names.push_back(textOf(split->name()));
      if (names.back() != name)
        continue;
      SplitSpec spec;
      spec.name = names.back();
      if (split->reader() > schema::Reader::bin ||
          split->element() > schema::Token::i64)
        return Status(StatusCode::kBadInput,
                      "split '" + spec.name +
                          "' has a reader that this mlrun does not know");
      spec.reader = static_cast<ReaderKind>(split->reader());
      spec.bytes = split->bytes();
      spec.partFirst = split->part_first();
      spec.partLast = split->part_last();
      spec.tokenType = static_cast<TokenType>(split->element());
      spec.file = textOf(split->file());
      spec.header = split->header();
      spec.firstRow = split->first_row();
      spec.lastRow = split->last_row();
      spec.shuffle = split->shuffle();
      if (split->columns())
        for (const schema::Column *column : *split->columns())
          MLRT_RETURN_IF_ERROR(
              fillColumn(plan, *column, spec.columns.emplace_back()));
      MLRT_RETURN_IF_ERROR(checkSplitSpec(spec));
      return spec;
    }
  std::string list;
  for (const std::string &known : names)
    list += (list.empty() ? "" : ", ") + known;
  return Status(StatusCode::kInvalidArgument,
                "the plan has no split '" + std::string(name) + "'" +
                    didYouMean(name, names) +
                    " (it has: " + (list.empty() ? "none" : list) + ")");
}

} // namespace mlrt
