# SPDX-License-Identifier: Apache-2.0
#
# The page: every file of web/ and the files of uPlot become bytes in the binary, so that the
# server is one file to install. tools/embed writes them as C; src/serve/assets.h declares them.

find_package(Python3 REQUIRED COMPONENTS Interpreter)

file(GLOB_RECURSE web_files CONFIGURE_DEPENDS
    web/*.html web/*.css web/*.js web/*.svg web/*.ico web/*.png web/*.webmanifest web/*.txt)
list(FILTER web_files EXCLUDE REGEX "/web/(node_modules|test)/")

# Fetched by scripts/setup; served under /vendor/.
set(web_vendor "")
foreach(file uPlot.esm.js uPlot.iife.min.js uPlot.min.css)
    set(path "${CMAKE_SOURCE_DIR}/web/node_modules/uplot/dist/${file}")
    if(EXISTS "${path}")
        list(APPEND web_vendor "vendor/${file}=${path}")
        list(APPEND web_files "${path}")
    else()
        message(WARNING "${file} of uPlot is missing, so the page will draw no charts: "
            "run scripts/setup, then configure again")
    endif()
endforeach()

if(NOT TALLYWHEEL_FUZZ)
    set(assets_source "${CMAKE_BINARY_DIR}/generated/assets_table.c")
    add_custom_command(OUTPUT "${assets_source}"
        COMMAND Python3::Interpreter "${CMAKE_SOURCE_DIR}/tools/embed"
            --out "${assets_source}" --root "${CMAKE_SOURCE_DIR}/web" ${web_vendor}
        DEPENDS ${web_files} "${CMAKE_SOURCE_DIR}/tools/embed"
        COMMENT "Embedding the page" VERBATIM)
    add_library(tallywheel_assets STATIC "${assets_source}")
    target_link_libraries(tallywheel_assets PRIVATE tallywheel_flags)
endif()
