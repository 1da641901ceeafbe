package main

import (
	"errors"
	"fmt"
	"strings"

	"mqproducer"
)

// outcome is how a step ended.
type outcome = map[string]any

func ok() outcome { return outcome{"status": "OK"} }

// timedOut is for what was waited for and did not come.
func timedOut() outcome { return outcome{"status": "TIMEOUT"} }

func failure(err error) outcome {
	var e *mqproducer.Error
	if !errors.As(err, &e) {
		return outcome{"status": fmt.Sprintf("%T", err), "text": err.Error()}
	}
	return outcome{
		"status": e.Name, "code": e.Code, "broker_code": e.BrokerCode, "remark": e.Remark, "text": e.Message,
		"retriable": e.Retriable, "maybe_persisted": e.MaybePersisted,
	}
}

func ended(err error) outcome {
	if err != nil {
		return failure(err)
	}
	return ok()
}

func ofReceipt(r *mqproducer.Receipt, err error) outcome {
	if err != nil {
		return failure(err)
	}
	return outcome{
		"status": "OK", "send_status": r.SendStatus.String(), "topic": r.Topic, "broker": r.BrokerName,
		"queue_id": r.QueueID, "queue_offset": r.QueueOffset, "message_id": r.MessageID,
		"offset_message_id": r.OffsetMessageID, "transaction_id": r.TransactionID, "region_id": r.RegionID,
		"recall_handle": r.RecallHandle, "attempts": r.Attempts,
	}
}

func ofBatch(ends []mqproducer.BatchEnd, err error) outcome {
	came := ended(err)
	if err != nil && len(ends) == 0 {
		return came
	}
	results := make([]any, len(ends))
	for i, end := range ends {
		results[i] = ofReceipt(end.Receipt, end.Err)
	}
	came["results"] = results
	return came
}

func ofReceived(m *mqproducer.ReceivedMessage, err error) outcome {
	if err != nil {
		return failure(err)
	}
	return outcome{
		"status": "OK", "topic": m.Topic, "body": bodyText(m.Body), "tags": m.Tags, "keys": m.Keys, "flag": m.Flag,
		"message_id": m.MessageID, "transaction_id": m.TransactionID, "properties": m.Properties,
	}
}

func ofStored(m mqproducer.MockMessage) any {
	return plain(outcome{
		"topic": m.Topic, "body": bodyText(m.Body), "tags": m.Tags, "keys": m.Keys, "flag": m.Flag,
		"broker": m.BrokerName, "queue_id": m.QueueID, "queue_offset": m.QueueOffset, "message_id": m.MessageID,
		"offset_message_id": m.OffsetMessageID, "properties": m.Properties,
	})
}

func ofRequest(r mqproducer.MockRequest) outcome {
	return outcome{
		"code": r.Code, "broker": r.BrokerName, "oneway": r.Oneway, "fault": strings.ToLower(r.Fault.String()),
		"fields": r.Fields, "body": bodyText(r.Body),
	}
}

func ofBrokers(states []mqproducer.BrokerState, err error) outcome {
	if err != nil {
		return failure(err)
	}
	all := make([]any, len(states))
	for i, state := range states {
		all[i] = outcome{"name": state.Name, "state": strings.ToLower(state.Health.String())}
	}
	return outcome{"status": "OK", "brokers": all}
}

func errorNames() outcome {
	names := outcome{}
	for _, status := range mqproducer.Statuses() {
		if status != mqproducer.StatusOK {
			names[status.String()] = uint32(status)
		}
	}
	return outcome{"status": "OK", "names": names}
}
