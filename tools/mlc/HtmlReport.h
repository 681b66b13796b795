//===- HtmlReport.h - Reports as one page -----------------------*- C++ -*-===//

#ifndef MLC_TOOLS_MLC_HTMLREPORT_H
#define MLC_TOOLS_MLC_HTMLREPORT_H

#include <string>

namespace mlc::driver {

/// A section with a title and text kept as it is.
std::string htmlSection(const std::string &title, const std::string &text);

/// A page that needs no other file and no network.
std::string htmlPage(const std::string &model, const std::string &sections);

} // namespace mlc::driver

#endif // MLC_TOOLS_MLC_HTMLREPORT_H
