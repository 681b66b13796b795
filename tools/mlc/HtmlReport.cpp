//===- HtmlReport.cpp - Reports as one page -------------------------------===//

#include "tools/mlc/HtmlReport.h"

namespace mlc::driver {

static std::string escape(const std::string &text) {
  std::string out;
  for (char c : text) {
    switch (c) {
    case '<':
      out += "&lt;";
      break;
    case '>':
      out += "&gt;";
      break;
    case '&':
      out += "&amp;";
      break;
    default:
      out += c;
    }
  }
  return out;
}

std::string htmlSection(const std::string &title, const std::string &text) {
  return "<section><h2>" + escape(title) + "</h2><pre>" + escape(text) +
         "</pre></section>\n";
}

std::string htmlPage(const std::string &model, const std::string &sections) {
  return "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
         "<title>" +
         escape(model) +
         "</title>\n<style>\n"
         "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;"
         "margin:2rem auto;padding:0 1rem;color:#222;background:#fff}\n"
         "pre{font:14px/1.4 ui-monospace,monospace;background:#f5f5f5;"
         "padding:1rem;overflow:auto;border-radius:6px}\n"
         "@media(prefers-color-scheme:dark){body{color:#ddd;background:#181818}"
         "pre{background:#242424}}\n"
         "</style></head><body>\n<h1>" +
         escape(model) + "</h1>\n" + sections + "</body></html>\n";
}

} // namespace mlc::driver
