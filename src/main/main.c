// SPDX-License-Identifier: Apache-2.0
/* main.c - the door: all there is to see is in cli.c. */
#include "main/cli.h"

int main(int argc, char **argv)
{
    return cli_main(argc, argv);
}
