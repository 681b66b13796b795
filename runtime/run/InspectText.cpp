//===- InspectText.cpp - What is inside a plan, for people ----------------===//

#include "runtime/run/Inspect.h"

#include <cstdio>

namespace mlrt {

using Json = nlohmann::ordered_json;

/// 101770 -> "101,770".
static std::string grouped(uint64_t value) {
  std::string digits = std::to_string(value);
  for (size_t at = digits.size(); at > 3; at -= 3)
    digits.insert(at - 3, ",");
  return digits;
}

static std::string str(const Json &value) { return value.get<std::string>(); }

static std::string typeOf(const Json &value) {
  std::string text = str(value["dtype"]) + "[";
  for (size_t i = 0; i < value["shape"].size(); ++i)
    text += (i ? ", " : "") + std::to_string(value["shape"][i].get<int64_t>());
  return text + "]";
}

static std::string namesText(const Json &names) {
  std::string text;
  for (const Json &name : names)
    text += (text.empty() ? "" : ", ") + str(name);
  return text;
}

static std::string padded(std::string text, size_t width) {
  if (text.size() < width)
    text.resize(width, ' ');
  return text;
}

static std::string rightAligned(const std::string &text, size_t width) {
  return text.size() < width ? std::string(width - text.size(), ' ') + text
                             : text;
}

static void appendSteps(std::string &out, const Json &steps, size_t indent) {
  std::string margin(indent, ' ');
  for (const Json &step : steps) {
    if (step.contains("call"))
      out += margin + "call " + str(step["call"]) + "\n";
    else if (step.contains("all_reduce"))
      out += margin + "all_reduce #" +
             std::to_string(step["all_reduce"].get<uint64_t>()) + "\n";
    else if (step.contains("copy"))
      out +=
          margin + "copy " + grouped(step["copy"].get<uint64_t>()) + " bytes\n";
    else if (step.contains("fill"))
      out +=
          margin + "fill " + grouped(step["fill"].get<uint64_t>()) + " bytes\n";
    else if (step.contains("loop")) {
      uint64_t count = step["loop"]["count"].get<uint64_t>();
      out += margin + "loop over " +
             (count ? std::to_string(count) : "the micro-batches") + ", " +
             std::to_string(step["loop"]["sums"].get<uint64_t>()) + " sums\n";
      appendSteps(out, step["loop"]["body"], indent + 2);
    }
  }
}

static void appendPrograms(std::string &out, const Json &report) {
  for (const Json &program : report["programs"]) {
    out += "\nprogram " + str(program["name"]) + ", " +
           std::to_string(program["rows"].get<uint64_t>()) +
           " rows a micro-batch\n";
    appendSteps(out, program["steps"], 2);
    for (const Json &each : program["collectives"])
      out += "  all_reduce #" + std::to_string(each["id"].get<uint64_t>()) +
             " " + str(each["reduction"]) + " over " + namesText(each["axes"]) +
             ": " + grouped(each["payload_bytes"].get<uint64_t>()) +
             " bytes, " + str(each["name"]) + "  " + str(each["location"]) +
             "\n";
  }
}

std::string inspectText(const Json &report) {
  std::string mesh;
  for (const Json &axis : report["mesh"]) {
    int size = axis["size"].get<int>();
    mesh += (mesh.empty() ? "" : ", ") + str(axis["name"]) + "=" +
            (size < 0 ? "*" : std::to_string(size));
  }
  const Json &training = report["training"];
  const Json &memory = report["memory"];
  auto number = [](const Json &value) {
    return grouped(value.get<uint64_t>());
  };
  std::string out =
      str(report["model"]) + " from " + str(report["source_file"]) + " (" +
      str(report["plan"]) + ", digest " + str(report["digest"]) + ")\n" +
      "target      " + str(report["target"]) + " " + str(report["cpu"]) +
      ", mesh " + mesh + ", compute type " + str(report["compute_dtype"]) +
      "\n" + "training    batch " + number(training["batch"]) + " in " +
      number(training["microbatches"]) + " micro-batches of " +
      number(training["microbatch"]) + ", " + str(training["optimizer"]) +
      ", seed " + std::to_string(training["seed"].get<uint64_t>()) + ", sum " +
      str(report["sum"]) + "\n" + "parameters  " +
      number(report["parameter_count"]) + "\n" + "memory      " +
      number(memory["total_bytes"]) + " bytes a device: arena " +
      number(memory["arena_bytes"]) + ", running sums " +
      number(memory["sum_bytes"]) + ", inputs prepared ahead " +
      number(memory["input_staging_bytes"]) + "\n" + "code        " +
      number(memory["code_bytes"]) + " bytes, " +
      std::to_string(report["kernels"].size()) + " kernels\n";
  out += "\nparameters\n";
  for (const Json &each : report["parameters"])
    out += "  " + padded(str(each["path"]), 28) + " " +
           padded(typeOf(each), 18) + " " +
           rightAligned(number(each["count"]), 12) + "  " +
           padded(str(each["role"]), 9) + "  " + str(each["location"]) + "\n";
  out += "\nbuffers\n";
  for (const Json &each : report["buffers"])
    out += "  " + rightAligned(number(each["offset"]), 14) + " " +
           rightAligned(number(each["bytes"]), 14) +
           (each["slots"].get<int>() > 1
                ? " x" + std::to_string(each["slots"].get<int>())
                : "   ") +
           "  " + padded(str(each["section"]), 13) + " " +
           padded(str(each["name"]), 28) + " " + typeOf(each) + "\n";
  out += "\nkernels\n";
  for (const Json &each : report["kernels"])
    out += "  " + padded(str(each["symbol"]), 28) + " " +
           rightAligned(number(each["flops"]), 14) + " flops " +
           rightAligned(number(each["bytes"]), 12) + " bytes " +
           rightAligned(std::to_string(each["tasks"].get<int64_t>()), 6) +
           " tasks  " + str(each["location"]) + "\n";
  appendPrograms(out, report);
  return out;
}

} // namespace mlrt
