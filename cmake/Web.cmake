# SPDX-License-Identifier: Apache-2.0
#
# The page: every file of web/ and the files of uPlot become bytes in the binary, so that the
# server is one file to install. tools/embed writes them as C; src/serve/assets.h declares them.

find_package(Python3 REQUIRED COMPONENTS Interpreter)

file(GLOB_RECURSE web_files CONFIGURE_DEPENDS
    web/*.html web/*.css web/*.js web/*.svg web/*.ico web/*.png web/*.webmanifest web/*.txt)
list(FILTER web_files EXCLUDE REGEX "/web/(node_modules|test)/")

# Fetched by scripts/setup; served under /vendor/. Its module comes only with all comments, twice as
# large as the small build, which is a script: one line more makes a module of that.
set(web_vendor "")
set(uplot "${CMAKE_SOURCE_DIR}/web/node_modules/uplot/dist")
if(EXISTS "${uplot}/uPlot.iife.min.js" AND EXISTS "${uplot}/uPlot.min.css")
    set(module "${CMAKE_BINARY_DIR}/generated/uPlot.esm.js")
    file(READ "${uplot}/uPlot.iife.min.js" script)
    file(CONFIGURE OUTPUT "${module}" CONTENT "${script}\nexport default uPlot;\n" @ONLY)
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${uplot}/uPlot.iife.min.js")
    list(APPEND web_vendor "vendor/uPlot.esm.js=${module}"
        "vendor/uPlot.min.css=${uplot}/uPlot.min.css")
    list(APPEND web_files "${module}" "${uplot}/uPlot.min.css")
else()
    message(WARNING "uPlot is missing, so the page will draw no charts: run scripts/setup, then "
        "configure again")
endif()

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
