//===- AttentionTest.cpp - Attention and its gradient ---------------------===//
#include "test/codegen/KernelTest.h"

#include <gtest/gtest.h>

using namespace mlc::test;

namespace {

struct Case {
  int batch, heads, keyHeads, queries, keys, depth, width;
  bool causal = false;
  std::string mask = {};    ///< its shape, where there is one: "1x1x5x"
  std::string masking = {}; ///< its element type
  std::string type = "f32";
};

std::string tensor(std::initializer_list<int> shape, const std::string &type) {
  std::string text = "tensor<";
  for (int extent : shape)
    text += std::to_string(extent) + "x";
  return text + type + ">";
}

void check(const Case &c, Options options = {}) {
  std::string wide = c.type == "f64" ? "f64" : "f32";
  std::string q = tensor({c.batch, c.heads, c.queries, c.depth}, c.type);
  std::string k = tensor({c.batch, c.keyHeads, c.keys, c.depth}, c.type);
  std::string v = tensor({c.batch, c.keyHeads, c.keys, c.width}, c.type);
  std::string o = tensor({c.batch, c.heads, c.queries, c.width}, c.type);
  std::string l = tensor({c.batch, c.heads, c.queries}, wide);
  std::string mask = "tensor<" + c.mask + c.masking + ">";
  std::string arguments = "%q: " + q + ", %k: " + k + ", %v: " + v;
  if (!c.mask.empty())
    arguments += ", %m: " + mask;
  std::string how = (c.mask.empty() ? "" : " mask %m : " + mask) +
                    (c.causal ? " causal" : "") + " scale = 0.25 : ";
  SCOPED_TRACE(arguments + how);
  checkBody(arguments, o + ", " + l,
            "%o, %l = graph.attention %q, %k, %v" + how + q + ", " + k + ", " +
                v + " to " + o + ", " + l + "\nplan.return %o, %l : " + o +
                ", " + l + "\n",
            options);
  checkBody(arguments + ", %l: " + l + ", %do: " + o + ", %d: " + l,
            q + ", " + k + ", " + v,
            "%dq, %dk, %dv = graph.attention_grad %q, %k, %v, %l, %do, %d" +
                how + q + ", " + k + ", " + v + ", " + l + ", " + o + ", " + l +
                " to " + q + ", " + k + ", " + v +
                "\nplan.return %dq, %dk, %dv : " + q + ", " + k + ", " + v +
                "\n",
            options);
}

TEST(Attention, ShapesOfEveryKind) {
  for (bool causal : {false, true})
    for (Case c :
         {Case{1, 1, 1, 1, 1, 1, 1}, Case{2, 3, 3, 5, 7, 3, 9},
          Case{1, 2, 2, 33, 17, 16, 16}, Case{2, 1, 1, 17, 33, 20, 48},
          Case{1, 2, 1, 64, 64, 32, 32}, Case{1, 1, 1, 9, 130, 8, 70},
          Case{1, 1, 1, 130, 9, 40, 8}, Case{1, 1, 1, 300, 270, 33, 17}}) {
      c.causal = causal;
      check(c);
    }
}

TEST(Attention, HeadsThatShareAKey) {
  for (bool causal : {false, true}) {
    check({2, 6, 2, 19, 19, 12, 12, causal});
    check({1, 4, 1, 70, 70, 16, 16, causal});
  }
}

// Blocks of keys and of queries are units of their own.
TEST(Attention, FewHeadsOfManyRows) {
  for (bool causal : {false, true}) {
    check({1, 2, 1, 200, 300, 16, 16, causal, "1x1x1x300x", "i1"});
    check({1, 2, 2, 300, 140, 24, 8, causal});
  }
}

TEST(Attention, Masks) {
  for (bool causal : {false, true})
    for (const char *type : {"i1", "f32"})
      for (const char *shape :
           {"2x3x21x37x", "1x1x21x37x", "2x1x1x37x", "1x3x1x37x", "1x1x1x37x"})
        check({2, 3, 3, 21, 37, 8, 24, causal, shape, type});
}

TEST(Attention, Types) {
  Options options;
  options.tolerance = 1e-12;
  for (bool causal : {false, true}) {
    check({1, 4, 2, 37, 45, 20, 12, causal, "1x1x37x45x", "f64", "f64"},
          options);
    check({1, 1, 1, 150, 150, 32, 32, causal, "", "", "f64"}, options);
  }
  for (std::string type : {"f16", "bf16"}) {
    options.tolerance = type == "f16" ? 2e-3 : 2e-2;
    for (bool causal : {false, true}) {
      check({1, 4, 2, 37, 45, 20, 12, causal, "1x1x37x45x", type, type},
            options);
      check({1, 1, 1, 150, 150, 32, 32, causal, "", "", type}, options);
    }
  }
}

TEST(Attention, NarrowVectors) {
  Options options;
  options.cpu = "x86-64-v3";
  for (bool causal : {false, true}) {
    check({1, 4, 2, 37, 45, 20, 12, causal, "1x1x37x45x", "i1"}, options);
    check({1, 1, 1, 150, 150, 32, 32, causal}, options);
  }
}

// The largest score comes last, and differences are beyond those of exp.
TEST(Attention, ScoresOfEverySize) {
  Options options;
  options.floatLimit = 30;
  options.tolerance = 1e-4;
  std::string q = tensor({1, 1, 40, 16}, "f32"),
              k = tensor({1, 1, 400, 16}, "f32");
  std::string l = tensor({1, 1, 40}, "f32");
  checkBody("%q: " + q + ", %k: " + k, q + ", " + l,
            "%o, %l = graph.attention %q, %k, %k scale = 1.0 : " + q + ", " +
                k + ", " + k + " to " + q + ", " + l +
                "\nplan.return %o, %l : " + q + ", " + l + "\n",
            options);
}

} // namespace
