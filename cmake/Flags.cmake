# SPDX-License-Identifier: Apache-2.0
#
# How everything is compiled: one INTERFACE target, tallywheel_flags.

set(CMAKE_C_STANDARD 17)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS OFF)
set(CMAKE_CXX_STANDARD 17)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

if(NOT CMAKE_BUILD_TYPE)
    set(CMAKE_BUILD_TYPE Release CACHE STRING "Release, Debug or Sanitize" FORCE)
endif()

# Asserts are part of the product, so no build type here switches them off.
foreach(language C CXX)
    set(CMAKE_${language}_FLAGS_RELEASE "-O3 -g")
    set(CMAKE_${language}_FLAGS_RELWITHDEBINFO "-O3 -g")
    set(CMAKE_${language}_FLAGS_DEBUG "-O0 -g3")
    set(CMAKE_${language}_FLAGS_SANITIZE "-O1 -g")
endforeach()

# Build the same objects in another build folder for free, where ccache is at hand.
find_program(TALLYWHEEL_CCACHE ccache)
mark_as_advanced(TALLYWHEEL_CCACHE)
if(TALLYWHEEL_CCACHE)
    foreach(language C CXX)
        if(NOT CMAKE_${language}_COMPILER_LAUNCHER)
            set(CMAKE_${language}_COMPILER_LAUNCHER "${TALLYWHEEL_CCACHE}")
        endif()
    endforeach()
endif()

add_library(tallywheel_flags INTERFACE)
target_compile_definitions(tallywheel_flags INTERFACE _GNU_SOURCE
    TALLYWHEEL_VERSION="${PROJECT_VERSION}")
target_compile_options(tallywheel_flags INTERFACE
    -Wall -Wextra -Wshadow -Wpointer-arith
    $<$<COMPILE_LANGUAGE:C>:-Wstrict-prototypes -Wmissing-prototypes>
    $<$<BOOL:${TALLYWHEEL_WERROR}>:-Werror>
    # The same journal gives the same state on every machine: no fused multiply-add.
    -ffp-contract=off
    # Arena pages are seen through several types.
    -fno-strict-aliasing
    -fno-omit-frame-pointer
    # No path of the build machine in messages.
    "-fmacro-prefix-map=${CMAKE_SOURCE_DIR}/="
    "-fmacro-prefix-map=${CMAKE_BINARY_DIR}/=")
target_include_directories(tallywheel_flags INTERFACE "${CMAKE_SOURCE_DIR}/src")

# A binary runs on any x86-64 machine since about 2009; what gains from wider vectors (JSON,
# hashes) looks at the processor when it starts.
set(march "${TALLYWHEEL_MARCH}")
if(NOT march AND CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64)$")
    set(march x86-64-v2)
endif()
if(march)
    target_compile_options(tallywheel_flags INTERFACE "-march=${march}")
endif()

if(TALLYWHEEL_SANITIZE)
    target_compile_options(tallywheel_flags INTERFACE
        "-fsanitize=${TALLYWHEEL_SANITIZE}" -fno-sanitize-recover=all)
    target_link_options(tallywheel_flags INTERFACE "-fsanitize=${TALLYWHEEL_SANITIZE}")
elseif(CMAKE_BUILD_TYPE STREQUAL "Release")
    # The server reads bytes from strangers.
    target_compile_options(tallywheel_flags INTERFACE -fstack-protector-strong)
    target_link_options(tallywheel_flags INTERFACE -Wl,-z,relro,-z,now)
endif()
if(TALLYWHEEL_FUZZ)
    if(NOT CMAKE_C_COMPILER_ID MATCHES "Clang")
        message(FATAL_ERROR "TALLYWHEEL_FUZZ needs clang: use cmake --preset fuzz")
    endif()
    target_compile_options(tallywheel_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()
