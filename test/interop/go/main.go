// Writes, reads as a group of members that come and go, and prints what was seen as JSON.
// Arguments: bootstrap, topic. The topic must exist with two partitions.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

const count = 500

type roundTrip struct {
	Offsets []int64  `json:"offsets"`
	Values  []string `json:"values"`
}

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	bootstrap, topic := os.Args[1], os.Args[2]
	seen := roundTrip{Offsets: produce(ctx, bootstrap, topic)}
	seen.Values = read(ctx, bootstrap, topic, count/2)
	seen.Values = append(seen.Values, read(ctx, bootstrap, topic, count-len(seen.Values))...)
	check(json.NewEncoder(os.Stdout).Encode(seen))
}

// The default producer of franz-go is idempotent and takes acks=all.
func produce(ctx context.Context, bootstrap, topic string) []int64 {
	client, err := kgo.NewClient(
		kgo.SeedBrokers(bootstrap),
		kgo.DefaultProduceTopic(topic),
		kgo.RecordPartitioner(kgo.ManualPartitioner()),
	)
	check(err)
	defer client.Close()
	records := make([]*kgo.Record, count)
	for i := range records {
		value := []byte(fmt.Sprintf("v%d", i))
		records[i] = &kgo.Record{Key: value, Value: value, Partition: int32(i % 2)}
	}
	results := client.ProduceSync(ctx, records...)
	check(results.FirstErr())
	offsets := make([]int64, count)
	for i, record := range records {
		offsets[i] = record.Offset
	}
	return offsets
}

func read(ctx context.Context, bootstrap, topic string, wanted int) []string {
	client, err := kgo.NewClient(
		kgo.SeedBrokers(bootstrap),
		kgo.ConsumeTopics(topic),
		kgo.ConsumerGroup(topic+"-group"),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.DisableAutoCommit(),
	)
	check(err)
	defer client.Close()
	var values []string
	for len(values) < wanted {
		fetches := client.PollRecords(ctx, 50)
		check(fetches.Err0())
		fetches.EachRecord(func(record *kgo.Record) { values = append(values, string(record.Value)) })
		check(client.CommitUncommittedOffsets(ctx))
	}
	check(client.LeaveGroupContext(ctx))
	return values
}

func check(err error) {
	if err == nil {
		return
	}
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}
