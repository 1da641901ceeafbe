// What the C files of this package share.

#ifndef MQPGO_SHIM_INTERNAL_H
#define MQPGO_SHIM_INTERNAL_H

#include "_cgo_export.h"

#include <stdlib.h>

// Each function that calls Go from the library's side does it between these two.
void mqpgo_enter_callback(void);
void mqpgo_leave_callback(void);

// Gives a handle back to Go.
void mqpgo_drop(void *user_data);

// Texts one behind the other, and the lengths of those that are not read yet.
typedef struct {
    const char *text;
    const size_t *lengths;
} mqpgo_texts;

mqp_str mqpgo_next(mqpgo_texts *texts);

// Memory for `count` elements, zeroed. Without memory the program ends, as the Go runtime has it.
void *mqpgo_allocate(size_t count, size_t size);

// Reads one message; `properties` has room for those that it has. mqpgo_free_jms gives back what it takes for JMS.
mqp_message mqpgo_read_message(mqpgo_texts *texts, const uint8_t *body, const mqpgo_message *numbers,
                               mqp_property *properties);

// What it has for JMS; NULL: nothing. In memory of its own.
const mqp_jms *mqpgo_read_jms(mqpgo_texts *texts, const mqpgo_message *numbers);
void mqpgo_free_jms(const mqp_message *message);

mqp_send_options mqpgo_read_options(mqpgo_texts *texts, const mqpgo_options *options);

// Most messages have few properties; more of them go to the heap.
#define MQPGO_FEW_PROPERTIES 16

// A message and its options, until mqpgo_put_back.
typedef struct {
    mqp_message message;
    mqp_send_options options;
    // The context of the call that this one is made inside of; 0: none.
    uintptr_t outer_context;
    mqp_property few[MQPGO_FEW_PROPERTIES];
    mqp_property *many;
} mqpgo_unpacked;

void mqpgo_unpack(mqpgo_unpacked *into, mqpgo_texts texts, const uint8_t *body, const mqpgo_message *message,
                  const mqpgo_options *options);
void mqpgo_put_back(mqpgo_unpacked *send);

// Makes a call's context the one of this thread, until it is set back to the one that this returns.
uintptr_t mqpgo_set_context(uintptr_t context);
uintptr_t mqpgo_context(void);

// Reads the end of a message; what it gives borrows from `receipt` and `error`.
void mqpgo_read_ending(mqpgo_ending *into, mqp_status status, const mqp_receipt *receipt, const mqp_error *error);

// Told of the end of a message; its `user_data` is the handle that Go takes back.
void mqpgo_told(void *user_data, const mqp_completion *completion);

// Reads a receipt whose texts lie in `texts`.
void mqpgo_read_row(mqpgo_row *row, const mqp_receipt_view *view, const char *texts);

// Reads the receipt of a call that returned `status`; the error, if any, is in `*error`.
void mqpgo_read_receipt(mqp_status status, const mqp_receipt *receipt, mqp_receipt_view *view, mqp_error **error);

#endif
