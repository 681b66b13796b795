# cmake -DFRESH=... -DCOMMITTED=... -P CheckReference.cmake: fails when the
# committed op reference is not what TableGen gives now.

execute_process(COMMAND ${CMAKE_COMMAND} -E compare_files --ignore-eol ${FRESH} ${COMMITTED}
                RESULT_VARIABLE differs OUTPUT_QUIET ERROR_QUIET)
if(differs)
  message(FATAL_ERROR "${COMMITTED} is stale; run `ninja docs-ops` and commit it")
endif()
