# SPDX-License-Identifier: Apache-2.0
#
# The libraries that Tallywheel stands on, all of them Debian packages, and which folder of src/ is
# linked with what: tallywheel_libraries_<folder>.

find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)

# One clear sentence about everything that is missing, not one error a library.
set(missing "")
foreach(pair uv:libuv lws:libwebsockets simdjson:simdjson jansson:jansson yaml:yaml-0.1
        xxhash:libxxhash zlib:zlib curl:libcurl luajit:luajit)
    string(REPLACE ":" ";" pair "${pair}")
    list(GET pair 0 name)
    list(GET pair 1 module)
    pkg_check_modules(${name} QUIET IMPORTED_TARGET ${module})
    if(NOT ${name}_FOUND)
        list(APPEND missing ${module})
    endif()
endforeach()
if(missing)
    list(JOIN missing ", " missing)
    message(FATAL_ERROR "Missing libraries: ${missing}. Run scripts/setup (as root or with sudo).")
endif()

set(tallywheel_allocator "")
if(TALLYWHEEL_MIMALLOC AND NOT TALLYWHEEL_SANITIZE)
    find_package(mimalloc REQUIRED)
    set(tallywheel_allocator mimalloc)
endif()

set(tallywheel_libraries_base PkgConfig::uv PkgConfig::jansson PkgConfig::yaml PkgConfig::xxhash
    PkgConfig::zlib Threads::Threads m)
set(tallywheel_libraries_wire PkgConfig::simdjson)
set(tallywheel_libraries_score PkgConfig::luajit)
set(tallywheel_libraries_source PkgConfig::curl)
set(tallywheel_libraries_sink PkgConfig::curl)
set(tallywheel_libraries_http PkgConfig::lws)
set(tallywheel_libraries_main PkgConfig::curl)

# The layers, from the file that tools/tidy holds the includes to: tallywheel_folders in the order
# in which a linker wants static libraries (top first), and what each is linked with.
set(layers_file "${CMAKE_SOURCE_DIR}/tools/layers.txt")
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${layers_file}")
file(STRINGS "${layers_file}" lines REGEX "^[a-z_]+:")
set(tallywheel_folders "")
foreach(line IN LISTS lines)
    string(REGEX MATCH "^([a-z_]+):(.*)$" line "${line}")
    set(folder "${CMAKE_MATCH_1}")
    string(REGEX MATCHALL "[a-z_]+" below "${CMAKE_MATCH_2}")
    list(REVERSE below)
    list(TRANSFORM below PREPEND tw_)
    list(PREPEND tallywheel_libraries_${folder} ${below})
    list(PREPEND tallywheel_folders ${folder})
endforeach()
