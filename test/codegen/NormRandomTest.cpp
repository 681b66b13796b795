//===- NormRandomTest.cpp - Batch norm, and random numbers ----------------===//
#include "test/codegen/KernelTest.h"

#include <gtest/gtest.h>

using namespace mlc::test;

namespace {

std::string tensor(const std::string &shape, const std::string &type) {
  return "tensor<" + (shape.empty() ? "" : shape + "x") + type + ">";
}

// Bit by bit: elements in every place of a vector, and of the 64 that share
// blocks.
TEST(Draws, TheReferencesNumbers) {
  struct Case {
    std::string shape;
    int dim, rows; // rows 0: no numbers of rows
  };
  for (const Case &each :
       {Case{"3x7", 0, 3}, Case{"2x64", 0, 2}, Case{"5x100", 0, 5},
        Case{"3x300", 0, 3}, Case{"1x1000", 0, 1}, Case{"4x5x33", 0, 4},
        Case{"5x4x33", 1, 4}, Case{"9x33", 1, 33}, Case{"300", 0, 300},
        Case{"20001", 0, 0}, Case{"2x20001", 0, 2}, Case{"", 0, 0},
        Case{"1", 0, 1}, Case{"17x1x16", 0, 17}})
    for (std::string type : {"f32", "f64"})
      for (std::string cpu : {"native", "x86-64-v3"}) {
        std::string rows = tensor(std::to_string(each.rows), "i64");
        std::string own =
            each.rows ? " rows %c dim = " + std::to_string(each.dim) : "";
        std::string to = tensor(each.shape, type);
        std::string types = " : (tensor<i64>, tensor<i64>" +
                            (each.rows ? ", " + rows : "") + ") -> " + to;
        Options options;
        options.cpu = cpu;
        options.tolerance = type == "f64" ? 1e-15 : 1e-7;
        options.intLow = -1000;
        options.intLimit = 1000;
        checkBody("%a: tensor<i64>, %b: tensor<i64>" +
                      (each.rows ? ", %c: " + rows : ""),
                  to + ", " + to,
                  "%0 = graph.random_uniform %a fold(%b)" + own +
                      " site = -77" + types +
                      "\n%1 = graph.dropout_mask %a fold(%b)" + own +
                      " site = 78 rate = 0.3" + types +
                      "\nplan.return %0, %1 : " + to + ", " + to + "\n",
                  options);
      }
}

TEST(Draws, FuseWithReductionsAndProducts) {
  checkBody("%a: tensor<i64>, %c: tensor<5xi64>, %x: tensor<5x300xf32>",
            "tensor<5xf32>", R"(
    %0 = graph.dropout_mask %a fold(%a) rows %c dim = 0 site = 3 rate = 0.5 : (tensor<i64>, tensor<i64>, tensor<5xi64>) -> tensor<5x300xf32>
    %1 = graph.mul %x, %0 : tensor<5x300xf32>
    %2 = graph.reduce sum %1 dims = [1] : tensor<5x300xf32> to tensor<5xf32>
    plan.return %2 : tensor<5xf32>
  )");
  for (std::string width : {"40", "64", "130"})
    checkBody("%a: tensor<i64>, %c: tensor<9xi64>, %x: tensor<9x20xf32>, %w: "
              "tensor<20x" +
                  width + "xf32>",
              "tensor<9x" + width + "xf32>",
              "%0 = graph.dropout_mask %a fold() rows %c dim = 0 site = 3 rate "
              "= 0.5 : (tensor<i64>, tensor<9xi64>) -> tensor<9x" +
                  width +
                  "xf32>\n%1 = graph.dot %x, %w batch = [] x [] contract = [1] "
                  "x [0] : tensor<9x20xf32>, tensor<20x" +
                  width + "xf32> to tensor<9x" + width +
                  "xf32>\n%2 = graph.mul %1, %0 : tensor<9x" + width +
                  "xf32>\nplan.return %2 : tensor<9x" + width + "xf32>\n");
}

struct Norm {
  const char *shape;
  int rows, channels, blocks;
};
const Norm kNorms[] = {{"6x5", 6, 5, 1},     {"4x16", 4, 16, 2},
                       {"8x33", 8, 33, 1},   {"1x3", 1, 3, 1},
                       {"3x2x1x1", 3, 2, 1}, {"4x3x7", 4, 3, 2},
                       {"5x2x16", 5, 2, 1},  {"6x3x10x10", 6, 3, 3},
                       {"2x1x100", 2, 1, 1}, {"9x20x1", 9, 20, 3}};

TEST(BatchNorm, AnyShape) {
  for (const Norm &norm : kNorms)
    for (std::string type : {"f32", "f64", "bf16"})
      for (std::string cpu : {"native", "x86-64-v3"}) {
        std::string wide = type == "bf16" ? "f32" : type;
        std::string x = tensor(norm.shape, type);
        std::string c = tensor(std::to_string(norm.channels), wide);
        std::string mask = tensor(std::to_string(norm.rows), wide);
        std::string blocks = std::to_string(norm.blocks);
        std::string count = tensor(blocks, wide);
        std::string all =
            tensor(blocks + "x" + std::to_string(norm.channels), wide);
        Options options;
        options.cpu = cpu;
        options.tolerance = type == "bf16"  ? 1e-2
                            : type == "f64" ? 1e-12
                                            : 1e-5;
        // Rows of which some do not count, and relu behind.
        checkBody(
            "%x: " + x + ", %c: " + c + ", %s: " + c + ", %k: " + mask,
            x + ", " + x + ", " + all + ", " + all + ", " + count,
            "%z = graph.constant dense<0.0> : " + mask +
                "\n%p = graph.maximum %k, %z : " + mask +
                "\n%y, %m, %v, %n = graph.batch_norm %x scale %c shift %s mask "
                "%p eps = 1.0e-2 microbatches = " +
                blocks + " : (" + x + ", " + c + ", " + c + ", " + mask +
                ") -> (" + x + ", " + all + ", " + all + ", " + count +
                ")\n%r = graph.relu %y : " + x +
                "\nplan.return %y, %r, %m, %v, %n : " + x + ", " + x + ", " +
                all + ", " + all + ", " + count + "\n",
            options);
        options.tolerance = type == "bf16"  ? 3e-2
                            : type == "f64" ? 1e-11
                                            : 1e-4;
        checkBody("%d: " + x + ", %x: " + x + ", %c: " + c + ", %k: " + mask +
                      ", %m: " + all + ", %s: " + all + ", %n: " + count,
                  x + ", " + all + ", " + all,
                  "%q = graph.relu %d : " + x + "\n%v = graph.abs %s : " + all +
                      "\n%dx, %ds, %db = graph.batch_norm_grad %q, %x scale %c "
                      "mask %k statistics %m, %v, %n eps = 1.0e-2 microbatches "
                      "= " +
                      blocks + " : (" + x + ", " + x + ", " + c + ", " + mask +
                      ", " + all + ", " + all + ", " + count + ") -> (" + x +
                      ", " + all + ", " + all +
                      ")\nplan.return %dx, %ds, %db : " + x + ", " + all +
                      ", " + all + "\n",
                  options);
      }
}

} // namespace
