# Warnings, sanitizers and the linker, for every target of the project.

add_library(mlc_options INTERFACE)
target_compile_options(mlc_options INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Werror)
target_include_directories(mlc_options INTERFACE ${PROJECT_SOURCE_DIR})
# Generated headers; as a system folder, since TableGen's code has warnings.
target_include_directories(mlc_options SYSTEM INTERFACE ${PROJECT_BINARY_DIR})

if(MLC_SANITIZE)
  add_compile_options(-fsanitize=address,undefined -fno-sanitize-recover=all
                      -fno-omit-frame-pointer)
  add_link_options(-fsanitize=address,undefined)
endif()
if(MLC_SANITIZE_UNDEFINED)
  # LLVM has no RTTI.
  add_compile_options(-fsanitize=undefined,float-cast-overflow -fno-sanitize=vptr,function
                      -fno-sanitize-recover=all)
  add_compile_definitions(_GLIBCXX_ASSERTIONS)
  add_link_options(-fsanitize=undefined)
endif()
if(MLC_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()
if(MLC_SANITIZE_THREAD)
  add_compile_options(-fsanitize=thread -fno-omit-frame-pointer)
  add_link_options(-fsanitize=thread)
endif()

find_program(MLC_LLD NAMES ld.lld-22 HINTS /usr/lib/llvm-22/bin)
if(MLC_LLD AND CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  add_link_options(--ld-path=${MLC_LLD})
endif()

# ccache must be told that precompiled headers without timestamps are the same.
find_program(MLC_CCACHE ccache)
if(MLC_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER
      ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros ${MLC_CCACHE})
  set(CMAKE_C_COMPILER_LAUNCHER ${MLC_CCACHE})
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  add_compile_options("$<$<COMPILE_LANGUAGE:CXX>:SHELL:-Xclang -fno-pch-timestamp>")
endif()
